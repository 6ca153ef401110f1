// SPDX-License-Identifier: Apache-2.0

#include "lib/base/base64url.h"

#include <algorithm>

namespace ecryptfs::base {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kGroup = 3;  // bytes, which are four digits

}  // namespace

std::string to_base64url(ByteView bytes) {
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / kGroup);
    for (std::size_t at = 0; at < bytes.size(); at += kGroup) {
        const auto group = bytes.subspan(at).first(std::min(kGroup, bytes.size() - at));
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < kGroup; ++i) {
            bits = bits << 8 | (i < group.size() ? group[i] : 0U);
        }
        for (std::size_t digit = 0; digit <= group.size(); ++digit) {
            text += kDigits[bits >> (18 - 6 * digit) & 0x3fU];
        }
    }
    return text;
}

std::optional<std::vector<std::uint8_t>> from_base64url(std::string_view text) {
    constexpr unsigned kBitsOfDigit = 6;
    std::vector<std::uint8_t> bytes;
    std::uint32_t bits = 0;
    unsigned count = 0;  // of bits that are not a whole byte yet
    for (const char digit : text) {
        const auto value = kDigits.find(digit);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = bits << kBitsOfDigit | static_cast<std::uint32_t>(value);
        count += kBitsOfDigit;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<std::uint8_t>(bits >> count));
        }
    }
    const auto unused_bits = bits & ((1U << count) - 1);
    if (count >= kBitsOfDigit || unused_bits != 0) {
        return std::nullopt;
    }
    return bytes;
}

}  // namespace ecryptfs::base
