// SPDX-License-Identifier: Apache-2.0
//
// What the unit tests share.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
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

inline std::filesystem::path vectors() {
    return ECRYPTFS_VECTORS;
}

inline Bytes read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

// NOLINTBEGIN(readability-identifier-naming): matchers are named so

// A Result that is an Error of this code whose message has this part.
MATCHER_P2(FailsWith, code, part, "") {
    if (arg.has_value()) {
        *result_listener << "which is no error";
        return false;
    }
    *result_listener << "whose error is " << base::traits(arg.error().code).name << ": "
                     << arg.error().message;
    return arg.error().code == code && arg.error().message.find(part) != std::string::npos;
}

// A Result with a value.
MATCHER(Succeeds, "") {
    if (!arg.has_value()) {
        *result_listener << "whose error is " << arg.error().message;
    }
    return arg.has_value();
}

// NOLINTEND(readability-identifier-naming)

// What `work` gives when it runs in a forked child, which is gone afterwards.
std::string in_child(const std::function<std::string()>& work);

// The words of the VmFlags line in /proc/self/smaps of the mapping that holds `address`.
std::vector<std::string> memory_flags(std::uintptr_t address);

}  // namespace ecryptfs::test
