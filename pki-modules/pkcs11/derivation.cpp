// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/derivation.h"

#include <p11-kit/pkcs11.h>

#include <array>
#include <cstdint>
#include <vector>

namespace ecryptfs::pkcs11_module {
namespace {

// As the mechanism takes it. A DER OCTET STRING of fewer than 128 bytes has a head of two.
std::vector<std::uint8_t> point_argument(Mechanism mechanism, base::ByteView peer) {
    std::vector<std::uint8_t> bytes;
    if (mechanism == Mechanism::kEcdhDer) {
        bytes = {0x04, static_cast<std::uint8_t>(peer.size())};
    }
    bytes.insert(bytes.end(), peer.begin(), peer.end());
    return bytes;
}

}  // namespace

bool Derivation::run(Session& session, ObjectHandle key, Login* /*confirming_login*/) {
    auto point = point_argument(mechanism_, peer_);
    CK_ECDH1_DERIVE_PARAMS parameters = {};
    parameters.kdf = CKD_NULL;
    parameters.ulPublicDataLen = point.size();
    parameters.pPublicData = point.data();
    CK_MECHANISM mechanism = {CKM_ECDH1_DERIVE, &parameters, sizeof parameters};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = peer_.size() / 2;  // of a coordinate
    std::array wanted{CK_ATTRIBUTE{CKA_CLASS, &object_class, sizeof object_class},
                      CK_ATTRIBUTE{CKA_KEY_TYPE, &type, sizeof type},
                      CK_ATTRIBUTE{CKA_TOKEN, &no, sizeof no},
                      CK_ATTRIBUTE{CKA_SENSITIVE, &no, sizeof no},
                      CK_ATTRIBUTE{CKA_EXTRACTABLE, &yes, sizeof yes},
                      CK_ATTRIBUTE{CKA_VALUE_LEN, &size, sizeof size}};
    ObjectHandle object = 0;
    began_ = true;  // there is no other call before the token gets the point
    call_ = "C_DeriveKey";
    value_ = session.functions().C_DeriveKey(session.handle(), &mechanism, key, wanted.data(),
                                             wanted.size(), &object);
    if (value_ == CKR_OK) {
        call_ = "C_GetAttributeValue";
        value_ = read_secret(session, object);
        // What is not destroyed goes with its session.
        if (session.functions().C_DestroyObject(session.handle(), object) != CKR_OK) {
            session.discard();
        }
    }
    return value_ == CKR_OK;
}

ReturnValue Derivation::read_secret(const Session& session, ObjectHandle object) {
    CK_ATTRIBUTE value{CKA_VALUE, secret_.data(), secret_.size()};
    const auto result =
        session.functions().C_GetAttributeValue(session.handle(), object, &value, 1);
    if (result != CKR_OK) {
        return result;
    }
    if (value.ulValueLen != peer_.size() / 2) {
        return CKR_GENERAL_ERROR;  // not the coordinate
    }
    size_ = value.ulValueLen;
    return CKR_OK;
}

}  // namespace ecryptfs::pkcs11_module
