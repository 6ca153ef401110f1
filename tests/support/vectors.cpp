// SPDX-License-Identifier: Apache-2.0

#include "tests/support/vectors.h"

#include <gtest/gtest.h>

#include "tests/support/command.h"

namespace ecryptfs::test {

std::filesystem::path vectors() {
    return ECRYPTFS_VECTORS;
}

std::string vector_path(std::string_view name) {
    return vectors() / name;
}

std::string vector_key(std::string_view name) {
    return vectors() / "keys" / name;
}

void unpack_vector(const std::string& archive, const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder);
    const auto outcome =
        run({"tar", {"-C", folder, "--xattrs", "-xf", vector_path(archive + ".tar.xz")}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

std::string difference(const std::string& left, const std::string& right) {
    const auto outcome = run({"diff", {"--recursive", "--no-dereference", left, right}});
    return outcome.out + outcome.err;
}

}  // namespace ecryptfs::test
