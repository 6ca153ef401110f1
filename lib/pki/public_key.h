// SPDX-License-Identifier: Apache-2.0
//
// The public half of a private key that a PKI module uses.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"

namespace ecryptfs::pki {

// The numbers are those of the host protocol.
enum class PublicKeyKind : std::uint8_t { kRsa = 1, kP256 = 2, kP384 = 3, kX25519 = 4 };

// The hash of RSA-OAEP, also of its MGF1. The label is empty.
enum class OaepDigest : std::uint8_t { kSha1 = 1, kSha256 = 2 };

struct PublicKey {
    PublicKeyKind kind = PublicKeyKind::kRsa;
    std::vector<std::uint8_t> modulus;   // RSA: big-endian, without leading zeros
    std::vector<std::uint8_t> exponent;  // likewise
    std::vector<std::uint8_t> point;     // P-256, P-384: 4, X, Y; X25519: 32 bytes

    bool operator==(const PublicKey&) const = default;
};

// The same, as views.
struct PublicKeyView {
    PublicKeyKind kind = PublicKeyKind::kRsa;
    base::ByteView modulus;
    base::ByteView exponent;
    base::ByteView point;

    PublicKeyView() = default;
    // Views `key`.
    explicit PublicKeyView(const PublicKey& key)
        : kind(key.kind), modulus(key.modulus), exponent(key.exponent), point(key.point) {}

    PublicKey copy() const {
        return {kind,
                {modulus.begin(), modulus.end()},
                {exponent.begin(), exponent.end()},
                {point.begin(), point.end()}};
    }
};

// What ECDH gives: one coordinate. 0 for RSA.
constexpr std::size_t shared_secret_size(PublicKeyKind kind) {
    switch (kind) {
        case PublicKeyKind::kRsa:
            return 0;
        case PublicKeyKind::kP384:
            return 48;
        case PublicKeyKind::kP256:
        case PublicKeyKind::kX25519:
            break;
    }
    return 32;
}

// 0 for RSA.
constexpr std::size_t point_size(PublicKeyKind kind) {
    const auto coordinate = shared_secret_size(kind);
    return kind == PublicKeyKind::kX25519 || coordinate == 0 ? coordinate : 1 + 2 * coordinate;
}

// As JOSE calls it: "P-256". Empty for RSA.
constexpr std::string_view curve_name(PublicKeyKind kind) {
    switch (kind) {
        case PublicKeyKind::kRsa:
            return "";
        case PublicKeyKind::kP256:
            return "P-256";
        case PublicKeyKind::kP384:
            return "P-384";
        case PublicKeyKind::kX25519:
            break;
    }
    return "X25519";
}

// Whether the sizes are those of a key of this kind, and its numbers have no leading zeros. Says
// nothing of whether the point is on the curve.
bool is_well_formed(const PublicKeyView& key);

}  // namespace ecryptfs::pki
