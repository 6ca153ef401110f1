// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/mechanism.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>

namespace ecryptfs::pkcs11_module {
namespace {

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
};

const Traits& traits_of(Mechanism mechanism) {
    return *std::ranges::find(kTraits, mechanism, &Traits::mechanism);
}

}  // namespace

std::string_view name_of(Mechanism mechanism) {
    return traits_of(mechanism).name;
}

std::optional<Mechanism> mechanism_of_name(std::string_view name) {
    const auto* const found = std::ranges::find(kTraits, name, &Traits::name);
    return found == kTraits.end() ? std::nullopt : std::optional(found->mechanism);
}

RsaPadding padding_of(Mechanism mechanism) {
    return traits_of(mechanism).padding;
}

unsigned long cryptoki_type_of(Mechanism mechanism) {
    return traits_of(mechanism).type;
}

}  // namespace ecryptfs::pkcs11_module
