// SPDX-License-Identifier: Apache-2.0
//
// Random operations of a file system, each to be done in two folders that are to stay the same.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <random>
#include <string>

namespace ecryptfs::test {

struct RandomOperation {
    int kind = 0;
    std::string path;
    std::string other;
    off_t offset = 0;
    std::string text;
    mode_t mode = 0;
};

class RandomOperations {
  public:
    explicit RandomOperations(unsigned seed) : random_(seed) {}

    RandomOperation next();

  private:
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_()) % end; }
    std::string some_path();

    std::mt19937 random_;
};

// Does it in both folders; what the results or the errors differ in, or "".
std::string carry_out(const RandomOperation& operation, const std::filesystem::path& expected,
                      const std::filesystem::path& actual);

// The first thing in which two trees differ: names, types, modes, links, sizes, contents. Or "".
std::string first_difference(const std::filesystem::path& expected,
                             const std::filesystem::path& actual);

}  // namespace ecryptfs::test
