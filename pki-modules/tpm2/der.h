// SPDX-License-Identifier: Apache-2.0
//
// The part of DER (X.690) that TSS2 PEM files need. Pure.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/base/bytes.h"

namespace ecryptfs::tpm2_module {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kDerBoolean = 0x01;
inline constexpr std::uint8_t kDerInteger = 0x02;
inline constexpr std::uint8_t kDerOctetString = 0x04;
inline constexpr std::uint8_t kDerOid = 0x06;
inline constexpr std::uint8_t kDerSequence = 0x30;
// The tag of an explicit [number].
constexpr std::uint8_t der_explicit(unsigned number) {
    return static_cast<std::uint8_t>(0xa0U + number);
}

// Takes elements off the front. Gives nothing, and takes nothing, at another tag or a bad length.
class DerReader {
  public:
    explicit DerReader(base::ByteView bytes) : left_(bytes) {}

    bool empty() const { return left_.empty(); }
    bool has_next(std::uint8_t tag) const { return !left_.empty() && left_.front() == tag; }
    std::optional<base::ByteView> take(std::uint8_t tag);
    // 32 bits. A negative number is a handle that its writer took for a signed number: gives the
    // same bits.
    std::optional<std::uint32_t> take_uint32();

  private:
    base::ByteView left_;
};

Bytes der(std::uint8_t tag, base::ByteView contents);
Bytes der_uint32(std::uint32_t value);
void append(Bytes& to, base::ByteView more);

}  // namespace ecryptfs::tpm2_module
