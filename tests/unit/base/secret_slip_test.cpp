// SPDX-License-Identifier: Apache-2.0

#include "lib/base/secret_slip.h"

#include <gmock/gmock.h>

#include <array>

#include "lib/base/shell_word.h"

namespace ecryptfs::base {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;

struct Example {
    std::string_view line;
    std::string_view what;
    bool certain;
};

TEST(SecretSlip, FindsSlipsOfOtherSystems) {
    for (const auto& [line, what, certain] : std::to_array<Example>({
             {"\xff\xfes\0e\0c\0"sv, "UTF-16", true},
             {"\xfe\xff\0s\0e\0c\0"sv, "UTF-16", true},
             {"\xff\xfe\x2d\x4e\x87\x65"sv, "UTF-16", true},
             {"s\0e\0c\0\r\0"sv, "UTF-16", true},
             {"\0s\0e\0c\0"sv, "UTF-16", true},
             {"\xff\xfe\0\0s\0\0\0"sv, "UTF-32", true},
             {"secret\0"sv, "NUL", true},
             {"\0secret"sv, "NUL", true},
             {"a\0"sv, "NUL", true},
             {"\0"sv, "NUL", true},
             {"\xef\xbb\xbfsecret\0"sv, "NUL", true},
             {"\xef\xbb\xbfsecret"sv, "byte-order mark", false},
             {"passphrase_passwd=secret"sv, "passphrase_passwd=", false},
             {"openssl_passwd=secret"sv, "openssl_passwd=", false},
             {"passwd=secret"sv, "passwd=", false},
             {"secret\r"sv, "carriage return", false},
             {"secret\rsecond"sv, "carriage return", false},
             {"\x1b[Asecret"sv, "control character", false},
             {"secret "sv, "blank", false},
             {"\tsecret"sv, "blank", false},
         })) {
        const auto slip = find_slip(as_bytes(line));
        ASSERT_TRUE(slip) << testing::PrintToString(line);
        EXPECT_THAT(std::string(slip->what), HasSubstr(what)) << testing::PrintToString(line);
        EXPECT_EQ(slip->certain, certain) << testing::PrintToString(line);
    }
}

TEST(SecretSlip, AcceptsOrdinarySecrets) {
    for (const auto line : {""sv, "s"sv, "secret"sv, "two words"sv, "tab\tinside"sv,
                            "p\xc3\xa4ss"sv, "p\xe4ss"sv, "passwd"sv, "my passwd=x"sv, "\xff"sv}) {
        EXPECT_FALSE(find_slip(as_bytes(line))) << testing::PrintToString(line);
    }
}

TEST(SecretSlip, MendingCommandIsQuotedForShells) {
    EXPECT_EQ(mending_command("tail -c +4", "/home/ada/pin"),
              "(umask 077; tail -c +4 </home/ada/pin >/home/ada/pin.new), and give "
              "/home/ada/pin.new");
    EXPECT_EQ(shell_word("it's here"), "'it'\\''s here'");
    EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace ecryptfs::base
