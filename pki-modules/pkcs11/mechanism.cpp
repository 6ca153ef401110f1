// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/mechanism.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <utility>

#include "ecryptfs_pki_module.h"

namespace ecryptfs::pkcs11_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using module::RsaPadding;

struct Traits {
    Mechanism mechanism;
    std::string_view name;
    RsaPadding padding;
    unsigned long type;
};

constexpr std::array kTraits{
    Traits{Mechanism::kOaepSha1, "rsa-oaep-sha1", RsaPadding::kOaepSha1, CKM_RSA_PKCS_OAEP},
    Traits{Mechanism::kOaepSha256, "rsa-oaep-sha256", RsaPadding::kOaepSha256, CKM_RSA_PKCS_OAEP},
    Traits{Mechanism::kRawOaepSha1, "rsa-raw-oaep-sha1", RsaPadding::kOaepSha1, CKM_RSA_X_509},
    Traits{Mechanism::kPkcs1, "rsa-pkcs", RsaPadding::kPkcs1, CKM_RSA_PKCS},
    Traits{Mechanism::kRawOaepSha256, "rsa-raw-oaep-sha256", RsaPadding::kOaepSha256,
           CKM_RSA_X_509},
    Traits{Mechanism::kEcdh, "ecdh", {}, CKM_ECDH1_DERIVE},
    Traits{Mechanism::kEcdhDer, "ecdh-der", {}, CKM_ECDH1_DERIVE},
};

const Traits& mechanism_traits(Mechanism mechanism) {
    return *std::ranges::find(kTraits, mechanism, &Traits::mechanism);
}

// RFC 8017, 7.1.1: OAEP with SHA-256 needs 66 bytes more than the file key has.
bool has_room(Mechanism mechanism, std::size_t modulus_size) {
    const bool is_large =
        mechanism == Mechanism::kOaepSha256 || mechanism == Mechanism::kRawOaepSha256;
    return !is_large || modulus_size >= 66 + ECRYPTFS_PKI_MAX_FILE_KEY;
}

// Then another mechanism may work. Tokens refuse a mechanism by many return values: kInternal comes
// from C_DecryptInit, and kDecryptFailed from C_Decrypt.
bool is_about_mechanism(ErrorCode code) {
    return code == ErrorCode::kNotSupported || code == ErrorCode::kDecryptFailed ||
           code == ErrorCode::kInternal;
}

}  // namespace

bool is_ecdh(Mechanism mechanism) {
    return mechanism == Mechanism::kEcdh || mechanism == Mechanism::kEcdhDer;
}

std::string_view mechanism_name(Mechanism mechanism) {
    return mechanism_traits(mechanism).name;
}

std::optional<Mechanism> find_mechanism(std::string_view name) {
    const auto* const found = std::ranges::find(kTraits, name, &Traits::name);
    return found == kTraits.end() ? std::nullopt : std::optional(found->mechanism);
}

RsaPadding mechanism_padding(Mechanism mechanism) {
    return mechanism_traits(mechanism).padding;
}

unsigned long cryptoki_type(Mechanism mechanism) {
    return mechanism_traits(mechanism).type;
}

bool offers(const std::vector<Mechanism>& offered, Mechanism mechanism) {
    return std::ranges::find(offered, cryptoki_type(mechanism), cryptoki_type) != offered.end();
}

Result<Mechanism> choose_mechanism(const std::vector<Mechanism>& offered, std::size_t modulus_size,
                                   const Trial& trial, const Error& none_works) {
    std::optional<Error> failure;
    for (const auto mechanism : offered) {
        if (!has_room(mechanism, modulus_size)) {
            continue;
        }
        auto tried = trial(mechanism);
        if (tried) {
            return mechanism;
        }
        auto& error = tried.error();
        if (!is_about_mechanism(error.code)) {
            return std::unexpected(std::move(error));
        }
        if (error.code == ErrorCode::kInternal && !failure) {
            failure = std::move(error);
        }
    }
    return std::unexpected(failure.value_or(none_works));
}

}  // namespace ecryptfs::pkcs11_module
