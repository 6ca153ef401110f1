// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/code_selection.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

namespace ecryptfs::pki {
namespace {

constexpr char kCard[] = "pkcs11:token=a;id=%01";

std::string with(const std::string& query) {
    return code_selection(std::string(kCard) + "?" + query);
}

TEST(CodeSelection, IsEmptyForSystemLibraries) {
    EXPECT_EQ(code_selection(kCard), "");
    EXPECT_EQ(code_selection("file:///home/a/key.pem"), "");
    EXPECT_EQ(with("pin-source=file:/run/pin&x-mechanism=rsa-pkcs"), "");
    EXPECT_EQ(code_selection("handle:0x81000001?pcrs=sha256:7+11&auth=none"), "");
    EXPECT_EQ(with(""), "");
}

TEST(CodeSelection, DiffersByLibrary) {
    EXPECT_NE(with("module-path=/a.so"), "");
    EXPECT_NE(with("module-path=/a.so"), with("module-path=/b.so"));
    EXPECT_NE(with("module-path=/a.so"), with("module-path=/b.so&module-path=/a.so"));
    EXPECT_NE(with("module-path=/a.so"), with("module-path=/a.so&module-path=/b.so"));
    EXPECT_NE(with("tcti=swtpm"), with("tcti=device"));
}

TEST(CodeSelection, IgnoresEncoding) {
    EXPECT_EQ(with("module-path=/a.so"), with("x-mechanism=rsa-pkcs&module-path=%2Fa%2eso"));
    EXPECT_EQ(with("tcti=swtpm:path=/s"), with("tcti=swtpm%3Apath%3D%2Fs"));
}

// As a module that settles a locator writes it.
TEST(CodeSelection, IgnoresOrder) {
    EXPECT_EQ(with("module-name=p11&module-path=/a.so"),
              with("module-path=/a.so&x-mechanism=rsa-pkcs&module-name=p11"));
}

TEST(CodeSelection, IgnoresEncodingOfPinSource) {
    for (const auto& [plain, encoded] : {std::pair("file:/run/a@b c", "file:/run/a%40b%20c"),
                                         std::pair("file:/run/a;b", "file:/run/a%3Bb"),
                                         std::pair("file:/run/a=b", "file:/run/a%3Db")}) {
        EXPECT_EQ(with(fmt::format("pin-source={}", plain)),
                  with(fmt::format("pin-source={}", encoded)));
    }
    EXPECT_EQ(with("pin-source=file:/run/a@b"), "");
}

// A parser of a library may have rules of its own.
TEST(CodeSelection, CountsUnknownParts) {
    EXPECT_NE(with("pin-source=x;module-path=/a.so"), "");
    EXPECT_NE(with("pin-source=x module-path=/a.so"), "");
    EXPECT_NE(with("pin-source=%zz"), "");
    EXPECT_NE(with("Module-Path=/a.so"), "");
    EXPECT_NE(with("module-path=/a%26x=b"), with("module-path=/a&x=b"));
    EXPECT_NE(with("module-path=%zz"), with("module-path=%25zz"));
}

}  // namespace
}  // namespace ecryptfs::pki
