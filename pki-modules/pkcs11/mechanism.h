// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/common/rsa_contexts.h"

namespace ecryptfs::pkcs11_module {

// How a token unwraps file keys, or does ECDH. The best that a token can do is found once and then
// kept in the key's URI, as a file must be unwrapped in the way that it was wrapped.
enum class Mechanism : std::uint8_t {
    kOaepSha1,       // CKM_RSA_PKCS_OAEP with SHA-1, as in the module openssl and ecryptfs-utils
    kOaepSha256,     // CKM_RSA_PKCS_OAEP with SHA-256, for tokens that refuse SHA-1
    kRawOaepSha1,    // CKM_RSA_X_509; OAEP with SHA-1 is removed here
    kPkcs1,          // CKM_RSA_PKCS: padding of PKCS#1 v1.5
    kRawOaepSha256,  // as kRawOaepSha1; for content keys only
    kEcdh,           // CKM_ECDH1_DERIVE, to which the other side's point is given as it is
    kEcdhDer,        // the same, to which it is given as a DER OCTET STRING
};

// For file keys, and for ECDH. Best first.
inline constexpr std::array kRsaMechanisms{Mechanism::kOaepSha1, Mechanism::kOaepSha256,
                                           Mechanism::kRawOaepSha1, Mechanism::kPkcs1};
inline constexpr std::array kEcdhMechanisms{Mechanism::kEcdh, Mechanism::kEcdhDer};

bool is_ecdh(Mechanism mechanism);

// The value of x-mechanism in a key's URI: "rsa-oaep-sha1".
std::string_view mechanism_name(Mechanism mechanism);
std::optional<Mechanism> find_mechanism(std::string_view name);

// The padding by which the public half wraps. Not of ECDH.
module::RsaPadding mechanism_padding(Mechanism mechanism);

// CKM_… of PKCS#11.
unsigned long cryptoki_type(Mechanism mechanism);

// Whether the token, which offers these, has the CKM_… of the mechanism.
bool offers(const std::vector<Mechanism>& offered, Mechanism mechanism);

// Uses a key once with a mechanism.
using Trial = std::function<base::Result<void>(Mechanism)>;

// Tries those of `offered` that suit a modulus of this many bytes, in their order, and gives the
// first that works. An error that cannot come from the mechanism ends the search. If none works,
// gives the first kInternal error, which says most, or else `none_works`.
base::Result<Mechanism> choose_mechanism(const std::vector<Mechanism>& offered,
                                         std::size_t modulus_size, const Trial& trial,
                                         const base::Error& none_works);

}  // namespace ecryptfs::pkcs11_module
