// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ecryptfs::contract {

// A folder of this test, removed with everything in it. Others may read it.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "ecryptfs-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("mkdtemp");
        }
        path_ = pattern;
        std::filesystem::permissions(
            path_, std::filesystem::perms::others_exec | std::filesystem::perms::others_read,
            std::filesystem::perm_options::add);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    TemporaryFolder(TemporaryFolder&&) = delete;
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;

    std::filesystem::path path(std::string_view name) const { return path_ / name; }

    // Writes a file of its owner alone; its file: URI (the name must need no escapes).
    std::string write(std::string_view name, std::string_view contents) const {
        std::ofstream(path(name), std::ios::binary) << contents;
        std::filesystem::permissions(
            path(name), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
        return uri(name);
    }
    std::string uri(std::string_view name) const { return "file://" + path(name).string(); }

  private:
    std::filesystem::path path_;
};

}  // namespace ecryptfs::contract
