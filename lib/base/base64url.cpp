// SPDX-License-Identifier: Apache-2.0

#include "lib/base/base64url.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

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

}  // namespace ecryptfs::base
