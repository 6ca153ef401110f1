// SPDX-License-Identifier: Apache-2.0

#include "lib/base/file_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

using test::FailsWith;

TEST(FileUri, EncodesReservedCharacters) {
    EXPECT_EQ(file_uri("/home/a/key.pem"), "file:///home/a/key.pem");
    EXPECT_EQ(file_uri("/a b/100%?#\"\n"), "file:///a%20b/100%25%3F%23%22%0A");
    EXPECT_EQ(file_uri("/schl\xc3\xbcssel"), "file:///schl%C3%BCssel");
}

TEST(FileUri, EveryPathRoundTrips) {
    for (int byte = 1; byte < 256; ++byte) {
        const std::string path = std::string("/a") + static_cast<char>(byte) + "b";
        EXPECT_EQ(path_of_file_uri(file_uri(path)), path);
    }
}

TEST(FileUri, EachFormIsRead) {
    for (const auto* uri : {"file:///a/b", "file:/a/b", "file://localhost/a/b", "file:///a%2fb"}) {
        EXPECT_EQ(path_of_file_uri(uri), "/a/b") << uri;
    }
}

TEST(FileUri, BadUriIsRefusedWithReason) {
    struct Case {
        std::string_view uri;
        std::string_view reason;
    };
    for (const auto& [uri, reason] : std::to_array<Case>({
             {"", "is not a file: URI"},
             {"/a/b", "is not a file: URI"},
             {"pkcs11:token=a", "is not a file: URI"},
             {"file://elsewhere/a", "names another host"},
             {"file://elsewhere", "names another host"},
             {"file:a", "has no absolute path"},
             {"file:", "has no absolute path"},
             {"file://", "has no absolute path"},
             {"file:///a?b", "query or fragment"},
             {"file:///a#b", "query or fragment"},
             {"file:///a%", "bad escape at character 2"},
             {"file:///a%2", "bad escape at character 2"},
             {"file:///a%zz", "bad escape at character 2"},
             {"file:///a%00", "holds a NUL"},
             {std::string_view("file:///a\0b", 11), "holds a NUL"},
         })) {
        EXPECT_THAT(path_of_file_uri(uri), FailsWith(ErrorCode::kInvalidArgument, reason)) << uri;
    }
}

}  // namespace
}  // namespace ecryptfs::base
