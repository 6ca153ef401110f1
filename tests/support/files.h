// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/support/bytes.h"

namespace ecryptfs::test {

// All that a file holds. Fails the test if it cannot be opened.
std::string content_of(const std::filesystem::path& path);
Bytes read_file(const std::filesystem::path& path);

// Of the file itself, also if it is a link.
struct stat status_of(const std::filesystem::path& path);

}  // namespace ecryptfs::test
