// SPDX-License-Identifier: Apache-2.0

// RSA_padding_check_PKCS1_OAEP_mgf1() is deprecated, but OpenSSL has no other function that removes
// OAEP from a block that it did not decrypt itself.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pki-modules/pkcs11/decryption.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <p11-kit/pkcs11.h>

namespace ecryptfs::pkcs11_module {

ReturnValue Decryption::begin(const Session& session, ObjectHandle key) const {
    CK_RSA_PKCS_OAEP_PARAMS oaep = {};
    const bool sha256 = mechanism_ == Mechanism::kOaepSha256;
    oaep.hashAlg = sha256 ? CKM_SHA256 : CKM_SHA_1;
    oaep.mgf = sha256 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA1;
    oaep.source = CKZ_DATA_SPECIFIED;
    const auto type = cryptoki_type(mechanism_);
    const bool has_parameters = type == CKM_RSA_PKCS_OAEP;
    CK_MECHANISM mechanism = {type, has_parameters ? &oaep : nullptr,
                              has_parameters ? sizeof oaep : 0};
    return session.functions().C_DecryptInit(session.handle(), &mechanism, key);
}

bool Decryption::confirm(Session& session, Login& by) {
    auto confirmed = by.confirm(session);
    if (confirmed && *confirmed == CKR_OK) {
        return true;
    }
    session.discard();  // its operation still waits for the PIN
    if (confirmed) {
        value_ = *confirmed;
    } else {
        not_confirmed_ = std::move(confirmed.error());
    }
    return false;
}

bool Decryption::run(Session& session, ObjectHandle key, Login* confirming_login) {
    began_ = false;
    call_ = "C_DecryptInit";
    value_ = begin(session, key);
    if (value_ != CKR_OK || (confirming_login != nullptr && !confirm(session, *confirming_login))) {
        return false;
    }
    began_ = true;
    call_ = "C_Decrypt";
    unsigned long size = plain_.size();
    value_ =
        session.functions().C_Decrypt(session.handle(), const_cast<unsigned char*>(wrapped_.data()),
                                      wrapped_.size(), plain_.data(), &size);
    if (value_ == CKR_OK && size > plain_.size()) {
        value_ = CKR_GENERAL_ERROR;  // the library counted wrong
    }
    if (value_ == CKR_BUFFER_TOO_SMALL) {
        session.discard();  // its operation is still under way
    }
    size_ = value_ == CKR_OK ? size : 0;
    return value_ == CKR_OK;
}

std::optional<std::size_t> remove_oaep(const char* hash, base::ByteView block,
                                       std::size_t modulus_size, base::ByteSpan room) {
    if (block.size() > modulus_size) {
        return std::nullopt;
    }
    const auto* const digest = ::EVP_get_digestbyname(hash);
    const int size = ::RSA_padding_check_PKCS1_OAEP_mgf1(
        room.data(), static_cast<int>(room.size()), block.data(), static_cast<int>(block.size()),
        static_cast<int>(modulus_size), nullptr, 0, digest, digest);
    ::ERR_clear_error();
    return size > 0 ? std::optional(static_cast<std::size_t>(size)) : std::nullopt;
}

}  // namespace ecryptfs::pkcs11_module
