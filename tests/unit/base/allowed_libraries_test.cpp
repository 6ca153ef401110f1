// SPDX-License-Identifier: Apache-2.0

#include "lib/base/allowed_libraries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"
#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

using test::FailsWith;

class AllowedLibraries : public ::testing::Test {
  protected:
    void write(const std::string& content) const { folder_.file("libraries", content); }
    bool is_allowed(std::string_view library) const {
        return value_or_throw(is_allowed_library(file_, library));
    }

    test::TemporaryFolder folder_;
    std::string file_ = (folder_.path() / "libraries").string();
};

TEST_F(AllowedLibraries, OnlyWholeLinesCount) {
    EXPECT_FALSE(is_allowed("/a.so")) << "there is no file";
    write("/home/a b/one.so\n\n/two.so");
    for (const char* path : {"/home/a b/one.so", "/two.so"}) {
        EXPECT_TRUE(is_allowed(path)) << path;
    }
    for (const char* path : {"/home/a b/one.s", "/home", "one.so", "/two.so\n", "/two.so/",
                             "/home/a b/one.so\n\n/two.so"}) {
        EXPECT_FALSE(is_allowed(path)) << path;
    }
}

TEST_F(AllowedLibraries, ListThatOthersCanWriteIsRefused) {
    write("/a.so\n");
    for (const mode_t mode : {0620U, 0602U, 0666U}) {
        ASSERT_EQ(::chmod(file_.c_str(), mode), 0);
        EXPECT_THAT(is_allowed_library(file_, "/a.so"),
                    FailsWith(ErrorCode::kAccessDenied, "users other than this one could write"));
    }
    ASSERT_EQ(::chmod(file_.c_str(), 0644), 0);
    EXPECT_TRUE(is_allowed("/a.so"));
    const auto link = (folder_.path() / "link").string();
    std::filesystem::create_symlink(file_, link);
    EXPECT_THAT(is_allowed_library(link, "/a.so"), FailsWith(ErrorCode::kAccessDenied, link));
}

TEST_F(AllowedLibraries, ListIsASmallRegularFile) {
    EXPECT_THAT(is_allowed_library(folder_.path().string(), "/a.so"),
                FailsWith(ErrorCode::kMalformed, "is not a regular file"));
    const auto fifo = (folder_.path() / "fifo").string();
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_THAT(is_allowed_library(fifo, "/a.so"),
                FailsWith(ErrorCode::kMalformed, "is not a regular file"));
    write("/a.so\n" + std::string(65'536, '\n'));
    EXPECT_THAT(is_allowed_library(file_, "/a.so"), FailsWith(ErrorCode::kMalformed, "64 KiB"));
}

}  // namespace
}  // namespace ecryptfs::base
