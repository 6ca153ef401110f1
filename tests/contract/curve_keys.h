// SPDX-License-Identifier: Apache-2.0
//
// Keys of elliptic curves and ECDH by OpenSSL, for tests to compare modules with. Everything throws
// on failure.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "tests/contract/rsa_keys.h"

namespace ecryptfs::contract {

// 4, X, Y; or the 32 bytes of X25519.
std::vector<std::uint8_t> point_of(const evp_pkey_st& key);

// The public key of a point.
Pkey read_point(const std::string& curve, const std::vector<std::uint8_t>& point);

std::vector<std::uint8_t> derive_by_openssl(evp_pkey_st& own, evp_pkey_st& peer);

// A new key whose secret with `own` begins with a zero.
Pkey make_peer_of_leading_zero(const std::string& curve, evp_pkey_st& own);

// What is no public key of a curve: off it, outside its field, compressed, the point at infinity,
// zeros, other sizes. Made from a point of the curve. For X25519, other sizes only.
std::vector<std::vector<std::uint8_t>> bad_points(const std::vector<std::uint8_t>& point);

}  // namespace ecryptfs::contract
