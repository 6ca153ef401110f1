// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/key_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "lib/base/base64url.h"
#include "lib/base/hex.h"

namespace ecryptfs::wire {
namespace {

constexpr std::uint8_t kPublicKeyTag = 0x99;  // RFC 4880 section 12.2
constexpr std::uint8_t kKeyVersion = 4;
constexpr std::uint8_t kRsaEncryptOnly = 2;  // RFC 4880 section 9.1

constexpr std::string_view kHexDigits = "0123456789abcdef";

base::ByteView without_leading_zeros(base::ByteView number) {
    const auto first = std::ranges::find_if(number, [](std::uint8_t byte) { return byte != 0; });
    return number.subspan(static_cast<std::size_t>(first - number.begin()));
}

void append_big_endian_16(std::vector<std::uint8_t>& to, std::size_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}

// RFC 4880 section 3.2: the number of bits, then the bytes, of which the first is not zero.
void append_mpi(std::vector<std::uint8_t>& to, base::ByteView number) {
    const auto bytes = without_leading_zeros(number);
    const auto bits =
        bytes.empty() ? std::size_t{0}
                      : 8 * (bytes.size() - 1) + static_cast<std::size_t>(std::bit_width(bytes[0]));
    append_big_endian_16(to, bits);
    to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

base::Result<KeySignature> KeySignature::from_text(std::string_view text) {
    if (text.size() != kTextSize) {
        return std::unexpected(base::Error{
            base::ErrorCode::kMalformed,
            fmt::format("key signature of {} characters instead of {}", text.size(), kTextSize)});
    }
    const auto wrong = text.find_first_not_of(kHexDigits);
    if (wrong != std::string_view::npos) {
        return std::unexpected(base::Error{
            base::ErrorCode::kMalformed,
            fmt::format("character {} of the key signature is no lower-case hexadecimal digit",
                        wrong)});
    }
    KeySignature signature;
    std::ranges::copy(text, signature.text_.begin());
    return signature;
}

KeySignature KeySignature::from_bytes(std::span<const std::uint8_t, kSize> bytes) {
    KeySignature signature;
    std::ranges::copy(base::to_hex(bytes), signature.text_.begin());
    return signature;
}

std::vector<std::uint8_t> openpgp_public_key_packet(base::ByteView modulus,
                                                    base::ByteView exponent) {
    std::vector<std::uint8_t> body{kKeyVersion, 0, 0, 0, 0, kRsaEncryptOnly};
    append_mpi(body, modulus);
    append_mpi(body, exponent);

    std::vector<std::uint8_t> packet{kPublicKeyTag};
    append_big_endian_16(packet, body.size());
    packet.insert(packet.end(), body.begin(), body.end());
    return packet;
}

std::string curve_key_text(std::string_view curve, base::ByteView point) {
    if (point.size() % 2 == 0) {
        return fmt::format(R"({{"crv":"{}","kty":"OKP","x":"{}"}})", curve,
                           base::to_base64url(point));
    }
    const auto size = point.size() / 2;
    return fmt::format(R"({{"crv":"{}","kty":"EC","x":"{}","y":"{}"}})", curve,
                       base::to_base64url(point.subspan(1, size)),
                       base::to_base64url(point.last(size)));
}

}  // namespace ecryptfs::wire
