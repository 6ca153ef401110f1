// SPDX-License-Identifier: Apache-2.0
//
// Public keys of elliptic curves, and ECDH with OpenSSL.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/rsa_contexts.h"

namespace ecryptfs::module {

// The public half of a key, as ecryptfs_pki_description has it.
struct CurvePoint {
    ecryptfs_pki_curve curve = ECRYPTFS_PKI_NO_CURVE;
    std::vector<std::uint8_t> point;

    bool operator==(const CurvePoint&) const = default;
};

// "P-256".
std::string_view curve_name(ecryptfs_pki_curve curve);
// Of a coordinate, and of what ECDH gives.
std::size_t coordinate_size(ecryptfs_pki_curve curve);

// The public half of a key that OpenSSL holds. Nothing if it is of another type or curve.
std::optional<CurvePoint> curve_point(const evp_pkey_st& key);
// 4, X, Y: of coordinates that may lack leading zeros. Nothing if one is too long.
std::optional<CurvePoint> curve_point(ecryptfs_pki_curve curve, base::ByteView x, base::ByteView y);

void describe_curve_key(ecryptfs_pki_description& to, const CurvePoint& key,
                        const std::string& warning);

// A new key. Throws base::Failure where OpenSSL fails.
EvpPkey make_curve_key(ecryptfs_pki_curve curve);

// ECDH in software. Gives the size written. kDecryptFailed for a peer that OpenSSL refuses.
base::Result<std::size_t> derive_secret(evp_pkey_st& own, const CurvePoint& peer,
                                        base::ByteSpan room);

}  // namespace ecryptfs::module
