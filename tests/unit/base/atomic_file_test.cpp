// SPDX-License-Identifier: Apache-2.0

#include "lib/base/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/temporary_folder.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::IfThere;
using base::write_atomic_file;

class AtomicFile : public ::testing::Test {
  protected:
    std::string path(const std::string& name) const { return folder_.path() / name; }

    static bool write(const std::string& path, const std::string& text, IfThere if_there) {
        return write_atomic_file(path, base::as_bytes(text), if_there);
    }

    static std::string text_of(const std::string& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    // Names in the folder, hidden ones too.
    std::size_t file_count() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), {}));
    }

    TemporaryFolder folder_;
};

TEST_F(AtomicFile, WritesForItsOwnerOnly) {
    for (const auto if_there : {IfThere::kRefuse, IfThere::kReplace}) {
        const auto file = path(if_there == IfThere::kRefuse ? "new" : "replaced");
        ASSERT_TRUE(write(file, "text", if_there));
        EXPECT_EQ(text_of(file), "text");
        struct stat status{};
        ASSERT_EQ(::stat(file.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777U, 0600U);
    }
    EXPECT_EQ(file_count(), 2U) << "no draft is left";
}

TEST_F(AtomicFile, ReplacesOnlyWhenTold) {
    ASSERT_TRUE(write(path("file"), "old", IfThere::kRefuse));
    fs::create_symlink("nowhere", path("link"));
    for (const std::string name : {"file", "link"}) {
        errno = 0;
        EXPECT_FALSE(write(path(name), "new", IfThere::kRefuse)) << name;
        EXPECT_EQ(errno, EEXIST) << name;
    }
    EXPECT_EQ(text_of(path("file")), "old");
    EXPECT_TRUE(write(path("file"), "new", IfThere::kReplace));
    EXPECT_EQ(text_of(path("file")), "new");
    EXPECT_EQ(file_count(), 2U) << "no draft is left";
}

TEST_F(AtomicFile, ReplacesTargetOfLink) {
    ASSERT_TRUE(write(path("file"), "old", IfThere::kRefuse));
    fs::create_symlink("file", path("link"));
    ASSERT_TRUE(write(path("link"), "new", IfThere::kReplace));
    EXPECT_TRUE(fs::is_symlink(path("link")));
    EXPECT_EQ(text_of(path("file")), "new");
}

TEST_F(AtomicFile, GivesErrnoOfFailure) {
    fs::create_directory(path("folder"));
    errno = 0;
    EXPECT_FALSE(write(path("none/file"), "text", IfThere::kRefuse));
    EXPECT_EQ(errno, ENOENT);
    EXPECT_FALSE(write(path("folder"), "text", IfThere::kReplace));
    EXPECT_EQ(errno, EISDIR);
    EXPECT_EQ(file_count(), 1U) << "no draft is left";
}

}  // namespace
}  // namespace ecryptfs::test
