// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/objects.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <cstring>

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

// Nothing for a key of another type. A token's keys are not of X25519: PKCS#11 has that since 3.0.
std::optional<KeyNumbers> openssl_numbers(const EVP_PKEY& key) {
    if (::EVP_PKEY_is_a(&key, "RSA") == 1) {
        return KeyNumbers{module::rsa_numbers(key), {}};
    }
    auto point = module::curve_point(key);
    if (!point || point->curve == ECRYPTFS_PKI_X25519) {
        return std::nullopt;
    }
    return KeyNumbers{{}, std::move(*point)};
}

std::optional<KeyNumbers> read_rsa_numbers(const Session& session, ObjectHandle object) {
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
    return KeyNumbers{std::move(numbers), {}};
}

// CKA_EC_POINT is a DER OCTET STRING; some tokens leave out its head.
std::optional<KeyNumbers> read_point(const Session& session, ObjectHandle object,
                                     ecryptfs_pki_curve curve) {
    constexpr std::size_t kHead = 2;
    constexpr std::uint8_t kUncompressed = 4;
    auto bytes = read_attribute(session, object, CKA_EC_POINT);
    const auto size = 1 + 2 * module::coordinate_size(curve);
    if (bytes && bytes->size() == kHead + size) {
        bytes->erase(bytes->begin(), bytes->begin() + kHead);
    }
    if (!bytes || bytes->size() != size || bytes->front() != kUncompressed) {
        return std::nullopt;
    }
    return KeyNumbers{{}, {curve, std::move(*bytes)}};
}

std::optional<PublicHalf> read_certificate_half(const Session& session, ObjectHandle object) {
    const auto der = read_attribute(session, object, CKA_VALUE);
    if (!der) {
        return std::nullopt;
    }
    const auto* at = der->data();
    const Certificate certificate(::d2i_X509(nullptr, &at, static_cast<long>(der->size())));
    auto* key = certificate ? ::X509_get0_pubkey(certificate.get()) : nullptr;
    auto numbers = key != nullptr ? openssl_numbers(*key) : std::nullopt;
    const bool is_authority = numbers && ::X509_check_ca(certificate.get()) == 1;
    ::ERR_clear_error();
    if (!numbers) {
        return std::nullopt;
    }
    return PublicHalf{std::move(*numbers), read_name(session, object), is_authority};
}

std::optional<PublicHalf> read_key_half(const Session& session, ObjectHandle object) {
    auto numbers = read_numbers(session, object);
    if (!numbers) {
        return std::nullopt;
    }
    return PublicHalf{std::move(*numbers), read_name(session, object)};
}

}  // namespace

base::ByteView curve_parameters(ecryptfs_pki_curve curve) {
    // SEC 2: the OIDs of secp256r1 and secp384r1, in DER.
    static constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2a, 0x86, 0x48,
                                                        0xce, 0x3d, 0x03, 0x01, 0x07};
    static constexpr std::array<std::uint8_t, 7> kP384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
    return curve == ECRYPTFS_PKI_P256 ? base::ByteView(kP256) : base::ByteView(kP384);
}

ecryptfs_pki_curve kind_curve(KeyKind kind) {
    switch (kind) {
        case KeyKind::kP256:
            return ECRYPTFS_PKI_P256;
        case KeyKind::kP384:
            return ECRYPTFS_PKI_P384;
        case KeyKind::kOther:
        case KeyKind::kRsa:
            break;
    }
    return ECRYPTFS_PKI_NO_CURVE;
}

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

KeyKind read_kind(const Session& session, ObjectHandle object) {
    const auto type = read_attribute(session, object, CKA_KEY_TYPE);
    CK_KEY_TYPE number = 0;
    if (!type || type->size() != sizeof number) {
        return KeyKind::kOther;
    }
    std::memcpy(&number, type->data(), sizeof number);
    if (number == CKK_RSA) {
        return KeyKind::kRsa;
    }
    if (number != CKK_EC) {
        return KeyKind::kOther;
    }
    const auto curve = read_attribute(session, object, CKA_EC_PARAMS);
    for (const auto kind : {KeyKind::kP256, KeyKind::kP384}) {
        if (curve && std::ranges::equal(*curve, curve_parameters(kind_curve(kind)))) {
            return kind;
        }
    }
    return KeyKind::kOther;
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

std::optional<KeyNumbers> read_numbers(const Session& session, ObjectHandle object) {
    const auto kind = read_kind(session, object);
    if (kind == KeyKind::kOther) {
        return std::nullopt;
    }
    return kind == KeyKind::kRsa ? read_rsa_numbers(session, object)
                                 : read_point(session, object, kind_curve(kind));
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
