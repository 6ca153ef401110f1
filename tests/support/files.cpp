// SPDX-License-Identifier: Apache-2.0

#include "tests/support/files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace ecryptfs::test {

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

Bytes read_file(const std::filesystem::path& path) {
    const auto content = content_of(path);
    return {content.begin(), content.end()};
}

struct stat status_of(const std::filesystem::path& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
}

}  // namespace ecryptfs::test
