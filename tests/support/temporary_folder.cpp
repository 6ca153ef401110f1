// SPDX-License-Identifier: Apache-2.0

#include "tests/support/temporary_folder.h"

#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkdtemp()

#include <fstream>

#include "lib/base/error.h"

namespace ecryptfs::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "ecryptfs-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw base::Failure(base::system_error(base::ErrorCode::kInternal, "mkdtemp", errno));
    }
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string TemporaryFolder::file(std::string_view name, std::string_view content) const {
    const auto path = path_ / name;
    std::ofstream(path, std::ios::binary) << content;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path.string();
}

}  // namespace ecryptfs::test
