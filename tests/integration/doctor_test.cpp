// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl doctor beside a real agent: one link broken at a time. The kernel is a fake, so that
// those that are the kernel's are broken here; tests/vm/doctor_test.cpp has the real one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/prctl.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

class Doctor : public AgentTest {
  protected:
    Json links(const Arguments& options = {}) const {
        Arguments arguments = {"doctor", "--json"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const auto outcome = ctl(arguments);
        EXPECT_FALSE(outcome.out.empty()) << outcome.exit_code << ' ' << outcome.err;
        if (outcome.out.empty()) {
            return {};
        }
        const auto parsed = Json::parse(outcome.out);
        const auto is_broken = [](const Json& link) { return link["health"] == "broken"; };
        EXPECT_EQ(outcome.exit_code,
                  std::ranges::any_of(parsed["links"], is_broken) ? code(ErrorCode::kUnhealthy) : 0)
            << outcome.err;
        return parsed["links"];
    }
    static Json find(const Json& links, const std::string& name) {
        for (const auto& link : links) {
            if (link["link"] == name) {
                return link;
            }
        }
        return nullptr;
    }
    Json link(const std::string& name, const Arguments& options = {}) const {
        return find(links(options), name);
    }
    // Of a broken link of mounts by the kernel, which is missing here: they can be done without
    // where mounts in user space work.
    static std::string kernels_health(const Json& links) {
        const auto health = find(links, "kernel")["health"];
        EXPECT_THAT(health, AnyOf("broken", "doubtful"));
        return health;
    }
    static void expect(const Json& link, const std::string& health, const std::string& message,
                       const std::string& advice) {
        ASSERT_FALSE(link.is_null());
        EXPECT_EQ(link["health"], health) << link;
        EXPECT_THAT(link["message"].get<std::string>(), HasSubstr(message));
        if (advice.empty()) {
            EXPECT_TRUE(link["advice"].is_null()) << link;
        } else {
            EXPECT_THAT(link["advice"].get<std::string>(), HasSubstr(advice));
        }
    }
    static Arguments own_modules() {
        return {"--module-dir", built("modules"), "--pki-host",
                built("pki-modules/host/ecryptfs-pki-host")};
    }
};

TEST_F(Doctor, FindsAllOfOursInOrder) {
    start_agent();
    const auto signature = add_k2048();
    const auto found = links(own_modules());
    const std::vector<std::string> ours = {"session keyring", "ecryptfsd",        "bus",
                                           "agent",           "locked memory",    "holder",
                                           "agent's keyring", "key " + signature, "module openssl",
                                           "module pkcs11"};
    for (const auto& name : ours) {
        expect(find(found, name), "works", "", "");
    }
    const auto text = ctl({"doctor"}).out;
    EXPECT_THAT(text, AllOf(HasSubstr("works     agent: version "),
                            AnyOf(HasSubstr("broken    kernel"), HasSubstr("doubtful  kernel"))));
}

TEST_F(Doctor, FindsMissingAgent) {
    expect(link("agent"), "broken", "", "start");
    const auto without_bus = run({ctl_program(), {"doctor", "--json"}, {}});
    const auto found = Json::parse(without_bus.out)["links"];
    expect(find(found, "bus"), "broken", "D-Bus", "log in");
    expect(find(found, "agent"), "unknown", "", "");
}

TEST_F(Doctor, FindsAgentWithoutDevice) {
    agent_.emplace(bus_.environment(), base::UniqueFd(),
                   Arguments{"--device", (folder_.path() / "nothing").string()});
    const auto found = links();
    expect(find(found, "holder"), kernels_health(found), "nothing", "modprobe");
}

TEST_F(Doctor, FindsLockedKey) {
    start_agent();
    const auto signature = add_k2048();
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    expect(link("key " + signature), "doubtful", "locked", "unlock " + signature);
}

TEST_F(Doctor, FindsExpiredKey) {
    start_agent();
    const auto signature = add({"example:a", "--module", "example", "--timeout", "1"});
    wait_until("the key expires", [&] { return key(signature)["state"] == "expired"; });
    expect(link("key " + signature), "broken", "expired", "add-key");
}

TEST_F(Doctor, FindsUnlinkedUserKeyring) {
    start_agent();
    ASSERT_EQ(::keyctl_unlink(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING), 0);
    const auto found = links();
    expect(find(found, "session keyring"), kernels_health(found), "not linked",
           "keyctl link @u @s");
}

TEST_F(Doctor, FindsRunningEcryptfsd) {
    start_agent();
    const auto daemon = folder_.path() / "ecryptfsd";
    std::filesystem::copy_file("/bin/sleep", daemon);
    const Process process({daemon.string(), {"60"}}, std::map<int, int>{});
    wait_until("the program runs", [&] { return link("ecryptfsd")["health"] != "works"; });
    expect(link("ecryptfsd"), "broken", std::to_string(process.pid()), "kill");
}

TEST_F(Doctor, FindsUnloadableModules) {
    start_agent();
    const auto modules = folder_.path() / "modules";
    std::filesystem::create_directory(modules);
    const Arguments there = {"--module-dir", modules.string(), "--pki-host",
                             built("pki-modules/host/ecryptfs-pki-host")};
    expect(link("modules", there), "broken", modules.string(), "install");
    folder_.file("modules/broken.so", "no shared object");
    expect(link("module broken", there), "broken", "broken.so", "install");
    const auto found =
        links({"--module-dir", built("modules"), "--pki-host", "/nowhere/ecryptfs-pki-host"});
    expect(find(found, "module openssl"), "broken", "/nowhere/ecryptfs-pki-host", "install");
}

}  // namespace
}  // namespace ecryptfs::test
