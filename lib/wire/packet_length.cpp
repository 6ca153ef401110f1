// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/packet_length.h"

#include <fmt/format.h>

namespace ecryptfs::wire {
namespace {

// keystore.c: ecryptfs_parse_packet_length
constexpr std::size_t kFirstTwoByteLength = 192;
constexpr std::size_t kFirstUnknownForm = 224;

base::Error bad_length(std::string_view problem, std::size_t at) {
    return {base::ErrorCode::kMalformed, fmt::format("{} (byte {})", problem, at)};
}

}  // namespace

base::Result<std::size_t> take_packet_length(base::ByteReader& reader) {
    const std::size_t at = reader.position();
    const auto first = reader.take_native<std::uint8_t>();
    if (!first) {
        return std::unexpected(bad_length("length field is missing", at));
    }
    if (*first < kFirstTwoByteLength) {
        return *first;
    }
    if (*first >= kFirstUnknownForm) {
        return std::unexpected(bad_length(
            fmt::format("length field begins with {:#04x}, a form that the kernel does not know",
                        *first),
            at));
    }
    const auto second = reader.take_native<std::uint8_t>();
    if (!second) {
        return std::unexpected(bad_length("length field has one byte of two", at));
    }
    return (*first - kFirstTwoByteLength) * 256 + *second + kFirstTwoByteLength;
}

void put_packet_length(base::ByteWriter& writer, std::size_t length) {
    if (length > kMaxPacketLength) {
        writer.fail();
        return;
    }
    if (length < kFirstTwoByteLength) {
        writer.put_byte(static_cast<std::uint8_t>(length));
        return;
    }
    const std::size_t rest = length - kFirstTwoByteLength;
    writer.put_byte(static_cast<std::uint8_t>(kFirstTwoByteLength + rest / 256));
    writer.put_byte(static_cast<std::uint8_t>(rest % 256));
}

}  // namespace ecryptfs::wire
