// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/hex.h"

namespace ecryptfs::test {

using Bytes = std::vector<std::uint8_t>;

// Bytes from hexadecimal digits; spaces are for the reader.
inline Bytes hex(std::string digits) {
    std::erase(digits, ' ');
    auto bytes = base::from_hex(digits);
    EXPECT_TRUE(bytes) << digits;
    return bytes.value_or(Bytes{});
}

// `size` bytes, each another than its neighbours.
inline Bytes pattern(std::size_t size, std::uint8_t first = 1) {
    Bytes bytes(size);
    std::ranges::generate(bytes, [&first] { return first++; });
    return bytes;
}

inline Bytes copy(base::ByteView view) {
    return {view.begin(), view.end()};
}

}  // namespace ecryptfs::test
