// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/objects.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>

#include "lib/base/handle.h"
#include "lib/base/try.h"

namespace ecryptfs::pkcs11_module {

using base::Result;
using module::RsaNumbers;

namespace {

using Certificate = base::Handle<X509, X509_free>;

constexpr std::size_t kMostObjects = 1024;
constexpr std::size_t kMostAttribute = 65536;

CK_OBJECT_CLASS cryptoki_class(ObjectClass type) {
    switch (type) {
        case ObjectClass::kPrivateKey:
            return CKO_PRIVATE_KEY;
        case ObjectClass::kPublicKey:
            return CKO_PUBLIC_KEY;
        case ObjectClass::kCertificate:
            break;
    }
    return CKO_CERTIFICATE;
}

// For a search template. The library only reads the value.
template <typename T>
CK_ATTRIBUTE attribute(unsigned long type, const T& value) {
    return {type, const_cast<T*>(&value), sizeof value};
}
template <typename Container>
CK_ATTRIBUTE byte_attribute(unsigned long type, const Container& value) {
    return {type, const_cast<typename Container::value_type*>(value.data()), value.size()};
}

ReturnValue collect_found(const Session& session, std::vector<ObjectHandle>& to) {
    while (to.size() < kMostObjects) {
        std::array<CK_OBJECT_HANDLE, 32> some{};
        unsigned long count = 0;
        const auto result =
            session.functions().C_FindObjects(session.handle(), some.data(), some.size(), &count);
        if (result != CKR_OK || count == 0) {
            return result;
        }
        to.insert(to.end(), some.begin(), some.begin() + std::min(count, some.size()));
    }
    return CKR_OK;
}

std::vector<std::uint8_t> without_leading_zeros(std::vector<std::uint8_t> number) {
    const auto first = std::ranges::find_if(number, [](std::uint8_t byte) { return byte != 0; });
    number.erase(number.begin(), first);
    return number;
}

std::optional<PublicHalf> read_certificate_half(const Session& session, ObjectHandle object) {
    const auto der = read_attribute(session, object, CKA_VALUE);
    if (!der) {
        return std::nullopt;
    }
    const auto* at = der->data();
    const Certificate certificate(::d2i_X509(nullptr, &at, static_cast<long>(der->size())));
    auto* key = certificate ? ::X509_get0_pubkey(certificate.get()) : nullptr;
    const bool is_rsa = key != nullptr && ::EVP_PKEY_is_a(key, "RSA") == 1;
    const bool is_authority = is_rsa && ::X509_check_ca(certificate.get()) == 1;
    ::ERR_clear_error();
    if (!is_rsa) {
        return std::nullopt;
    }
    return PublicHalf{module::rsa_numbers(*key), read_name(session, object), is_authority};
}

std::optional<PublicHalf> read_key_half(const Session& session, ObjectHandle object) {
    auto numbers = is_rsa_key(session, object) ? read_numbers(session, object) : std::nullopt;
    if (!numbers) {
        return std::nullopt;
    }
    return PublicHalf{std::move(*numbers), read_name(session, object)};
}

}  // namespace

Result<std::vector<ObjectHandle>> find_objects(const Session& session, ObjectClass type,
                                               const ObjectName& name) {
    const CK_OBJECT_CLASS object_class = cryptoki_class(type);
    std::vector<CK_ATTRIBUTE> wanted{attribute(CKA_CLASS, object_class)};
    if (name.id) {
        wanted.push_back(byte_attribute(CKA_ID, *name.id));
    }
    if (name.label) {
        wanted.push_back(byte_attribute(CKA_LABEL, *name.label));
    }
    auto& functions = session.functions();
    auto result = functions.C_FindObjectsInit(session.handle(), wanted.data(), wanted.size());
    std::vector<ObjectHandle> found;
    if (result == CKR_OK) {
        result = collect_found(session, found);
        static_cast<void>(functions.C_FindObjectsFinal(session.handle()));
    }
    if (result != CKR_OK) {
        return std::unexpected(session.pool().token().error("C_FindObjects", result));
    }
    return found;
}

std::optional<std::vector<std::uint8_t>> read_attribute(const Session& session, ObjectHandle object,
                                                        unsigned long type) {
    CK_ATTRIBUTE wanted{type, nullptr, 0};
    auto& functions = session.functions();
    if (functions.C_GetAttributeValue(session.handle(), object, &wanted, 1) != CKR_OK ||
        wanted.ulValueLen > kMostAttribute) {  // (CK_ULONG)-1: hidden or absent
        return std::nullopt;
    }
    std::vector<std::uint8_t> value(wanted.ulValueLen);
    wanted.pValue = value.data();
    if (!value.empty() &&
        functions.C_GetAttributeValue(session.handle(), object, &wanted, 1) != CKR_OK) {
        return std::nullopt;
    }
    value.resize(std::min<std::size_t>(value.size(), wanted.ulValueLen));
    return value;
}

std::optional<bool> read_flag(const Session& session, ObjectHandle object, unsigned long type) {
    const auto value = read_attribute(session, object, type);
    if (!value || value->size() != sizeof(CK_BBOOL)) {
        return std::nullopt;
    }
    return value->front() != CK_FALSE;
}

bool is_rsa_key(const Session& session, ObjectHandle object) {
    const auto value = read_attribute(session, object, CKA_KEY_TYPE);
    constexpr CK_KEY_TYPE kRsa = CKK_RSA;
    return value && value->size() == sizeof kRsa &&
           std::memcmp(value->data(), &kRsa, sizeof kRsa) == 0;
}

ObjectName read_name(const Session& session, ObjectHandle object) {
    ObjectName name;
    name.id = read_attribute(session, object, CKA_ID);
    if (name.id && name.id->empty()) {
        name.id.reset();
    }
    const auto label = read_attribute(session, object, CKA_LABEL);
    if (label && !label->empty()) {
        name.label = std::string(label->begin(), label->end());
    }
    return name;
}

std::optional<RsaNumbers> read_numbers(const Session& session, ObjectHandle object) {
    auto modulus = read_attribute(session, object, CKA_MODULUS);
    auto exponent = read_attribute(session, object, CKA_PUBLIC_EXPONENT);
    if (!modulus || !exponent) {
        return std::nullopt;
    }
    RsaNumbers numbers{without_leading_zeros(std::move(*modulus)),
                       without_leading_zeros(std::move(*exponent))};
    if (numbers.modulus.empty() || numbers.exponent.empty()) {
        return std::nullopt;
    }
    return numbers;
}

Result<std::vector<PublicHalf>> read_public_halves(const Session& session, ObjectClass type,
                                                   const ObjectName& name) {
    const auto objects = TRY(find_objects(session, type, name));
    std::vector<PublicHalf> halves;
    for (const auto object : objects) {
        auto half = type == ObjectClass::kCertificate ? read_certificate_half(session, object)
                                                      : read_key_half(session, object);
        if (half) {
            halves.push_back(std::move(*half));
        }
    }
    return halves;
}

Result<std::vector<PublicHalf>> find_public_halves(const Session& session, const KeyName& name) {
    std::vector<PublicHalf> none;
    auto halves = name.type == ObjectClass::kCertificate
                      ? none
                      : read_public_halves(session, ObjectClass::kPublicKey, name.name);
    if (halves && halves->empty() && name.type != ObjectClass::kPublicKey) {
        halves = read_public_halves(session, ObjectClass::kCertificate, name.name);
    }
    return halves;
}

}  // namespace ecryptfs::pkcs11_module
