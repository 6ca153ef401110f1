// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ecryptfs::test {

// A folder that goes with the object, and all that is in it.
class TemporaryFolder {
  public:
    TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();

    const std::filesystem::path& path() const { return path_; }
    // Makes a file in it, readable by its owner only; gives its path.
    std::string file(std::string_view name, std::string_view content) const;

  private:
    std::filesystem::path path_;
};

}  // namespace ecryptfs::test
