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

const Traits& mechanism_traits(Mechanism mechanism) {
    return *std::ranges::find(kTraits, mechanism, &Traits::mechanism);
}

}  // namespace

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

}  // namespace ecryptfs::pkcs11_module
