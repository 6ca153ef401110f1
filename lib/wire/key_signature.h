// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::wire {

// What names a key to the kernel: eight bytes, written as 16 lower-case hexadecimal digits in
// packets, mount options and keyring descriptions.
class KeySignature {
  public:
    static constexpr std::size_t kSize = 8;
    static constexpr std::size_t kTextSize = 2 * kSize;

    // Exactly 16 lower-case hexadecimal digits; else kMalformed.
    static base::Result<KeySignature> from_text(std::string_view text);
    // The raw eight bytes, as in a file's Tag 1 packet or at the front of a digest.
    static KeySignature from_bytes(std::span<const std::uint8_t, kSize> bytes);

    std::string_view text() const { return {text_.data(), text_.size()}; }

    bool operator==(const KeySignature&) const = default;
    std::strong_ordering operator<=>(const KeySignature& other) const {
        return text() <=> other.text();  // all at once, not digit by digit
    }

  private:
    KeySignature() = default;
    std::array<char, kTextSize> text_;
};

// The bytes whose SHA-1 begins with an RSA key's signature: an OpenPGP version 4 public-key packet
// of time 0 (RFC 4880 section 12.2; ecryptfs-utils computes it so). `modulus` and `exponent` are
// big-endian; leading zeros are skipped.
std::vector<std::uint8_t> openpgp_public_key_packet(base::ByteView modulus,
                                                    base::ByteView exponent);

// The text whose SHA-256 begins with the signature of a key of a curve: its JWK with the members
// that RFC 7638 names, so that the signature is the beginning of the JWK's thumbprint. `curve` is
// JOSE's name of it; `point` is 4, X, Y (RFC 7518, 6.2.1), or one coordinate (RFC 8037).
std::string curve_key_text(std::string_view curve, base::ByteView point);

}  // namespace ecryptfs::wire

template <>
struct std::hash<ecryptfs::wire::KeySignature> {
    std::size_t operator()(const ecryptfs::wire::KeySignature& signature) const noexcept {
        return std::hash<std::string_view>{}(signature.text());
    }
};
