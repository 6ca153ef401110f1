// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/public_key.h"

namespace ecryptfs::pki {
namespace {

constexpr std::size_t kMinModulus = 128;
constexpr std::size_t kMaxModulus = 512;
constexpr std::size_t kMaxExponent = 8;
constexpr std::uint8_t kUncompressed = 4;  // SEC 1, 2.3.3

bool is_number(base::ByteView number, std::size_t least, std::size_t most) {
    return number.size() >= least && number.size() <= most && number.front() != 0;
}

}  // namespace

bool is_well_formed(const PublicKeyView& key) {
    if (key.kind == PublicKeyKind::kRsa) {
        return is_number(key.modulus, kMinModulus, kMaxModulus) &&
               is_number(key.exponent, 1, kMaxExponent) && key.point.empty();
    }
    return key.modulus.empty() && key.exponent.empty() &&
           key.point.size() == point_size(key.kind) &&
           (key.kind == PublicKeyKind::kX25519 || key.point.front() == kUncompressed);
}

}  // namespace ecryptfs::pki
