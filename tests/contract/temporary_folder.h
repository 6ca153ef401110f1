// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/support/temporary_folder.h"

namespace ecryptfs::contract {

// A folder that others may read, and the URIs of its files.
class TemporaryFolder : public test::TemporaryFolder {
  public:
    TemporaryFolder() {
        std::filesystem::permissions(
            path(), std::filesystem::perms::others_exec | std::filesystem::perms::others_read,
            std::filesystem::perm_options::add);
    }

    using test::TemporaryFolder::path;
    std::filesystem::path path(std::string_view name) const { return path() / name; }

    // Writes a file of its owner alone; its file: URI (the name must need no escapes).
    std::string write(std::string_view name, std::string_view contents) const {
        return "file://" + file(name, contents);
    }
    std::string uri(std::string_view name) const { return "file://" + path(name).string(); }
};

}  // namespace ecryptfs::contract
