// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl's own hosts, where a module has taken one over: see rogue_host.cpp.

#include "lib/pki/client/module_host.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/cli/terminal_program.h"
#include "tests/fakes/build_under_test.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string& rogue_host() {
    static const std::string program = test::built("tests/fakes/ecryptfs_rogue_host");
    return program;
}

class RogueModuleHost : public ::testing::Test {
  protected:
    static pki::ModuleHost start(const std::string& behaviour) {
        return base::value_or_throw(pki::ModuleHost::start({rogue_host(), "/nowhere"}, behaviour));
    }
    void TearDown() override {
        EXPECT_LT(std::chrono::steady_clock::now() - started_at_, std::chrono::seconds(20));
    }

    const std::chrono::steady_clock::time_point started_at_ = std::chrono::steady_clock::now();
};

TEST_F(RogueModuleHost, OldAnswersEndIt) {
    auto host = start("old-done-for-ever");
    ASSERT_TRUE(host.open_key(1, "rogue:key", base::NoSecret{}));
    const auto decrypted = host.decrypt(1, {});
    ASSERT_FALSE(decrypted);
    EXPECT_EQ(decrypted.error().code, ErrorCode::kModuleFailed);
    EXPECT_FALSE(host.decrypt(1, {}));
}

TEST_F(RogueModuleHost, EndlessListEndsIt) {
    auto host = start("items-for-ever");
    std::size_t items = 0;
    const auto listed = host.list(pki::ItemKind::kKeys, [&](const pki::Item&) { ++items; });
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, ErrorCode::kModuleFailed);
    EXPECT_LE(items, 10'001U);
}

TEST_F(RogueModuleHost, ClosedSocketEndsIt) {
    auto host = start("closes-socket");
    const auto opened = host.open_key(1, "rogue:key", base::NoSecret{});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message, "the PKI host closed its connection");
    EXPECT_FALSE(host.open_key(2, "rogue:key", base::NoSecret{}));
}

TEST_F(RogueModuleHost, PassedDescriptorEndsIt) {
    auto host = start("fd-in-channel");
    const auto opened = host.open_key(1, "rogue:key", base::NoSecret{});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kModuleFailed);
}

TEST_F(RogueModuleHost, InheritsOnlyItsChannel) {
    const test::TemporaryFolder modules;
    modules.file("look-around.so", "");
    const auto list = fmt::format("{} list-tokens --module-dir {} --pki-host {}", ECRYPTFSCTL,
                                  modules.path().string(), rogue_host());
    test::TerminalProgram program({"/bin/sh", {"-c", "exec 7</etc/passwd; " + list}});
    program.wait_for_change();
    EXPECT_THAT(program.shown(), HasSubstr("module look-around: nothing"));
    EXPECT_THAT(program.shown(), Not(HasSubstr("SHOUTED")));
}

}  // namespace
}  // namespace ecryptfs::cli
