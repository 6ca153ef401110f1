// SPDX-License-Identifier: Apache-2.0
//
// Mounts with a folder key, and what their errors advise: real ecryptfsctl, agent, bus, host and
// mount.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "lib/base/handle.h"
#include "tests/fakes/agent_process.h"
#include "tests/fakes/build_under_test.h"
#include "tests/fakes/private_bus.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Its recipient is a key file, whose passphrase is asked for.
class FolderOfAFolderKey : public ::testing::Test {
  protected:
    FolderOfAFolderKey() {
        for (const auto* name : {"lower", "upper", "home"}) {
            fs::create_directory(path(name));
        }
        environment_["HOME"] = path("home");
        expect_done(ctl({"create-folder-key", path("key.jwe"), "--recipient",
                         vector_key("k2048.pem"), "--key-passphrase-file", "-", "--quiet"}));
    }
    ~FolderOfAFolderKey() override { ctl({"umount", path("upper"), "--lazy"}); }

    std::string path(const std::string& name) const { return folder_.path() / name; }

    Outcome ctl(Arguments arguments, const std::string& input = "secret\n") const {
        for (const auto* verb : {"create-folder-key", "mount", "unlock", "add-key"}) {
            if (arguments.front() == verb) {
                arguments.insert(arguments.end(),
                                 {"--module-dir", built("modules"), "--pki-host", host_program()});
            }
        }
        return run({ctl_program(), arguments, environment_}, input);
    }
    static void expect_done(const Outcome& outcome) {
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    void mount() const {
        expect_done(ctl({"mount", path("lower"), path("upper"), "--folder-key", path("key.jwe"),
                         "--key-passphrase-file", "-"}));
    }
    void unlock() const {
        expect_done(ctl({"unlock", path("key.jwe"), "--key-passphrase-file", "-"}));
    }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(path("upper/" + name)) << text;
    }
    std::string read(const std::string& name) const {
        std::ifstream file(path("upper/" + name));
        return {std::istreambuf_iterator<char>(file), {}};
    }

    TemporaryFolder folder_;
    PrivateBus bus_;
    Environment environment_ = bus_.environment();
    AgentProcess agent_{environment_, base::UniqueFd(), {"--device", "/nonexistent/device"}};
};

TEST_F(FolderOfAFolderKey, HasContentsAndNamesEncrypted) {
    mount();
    write("letter", "Dear Bob");
    EXPECT_THAT(fs::directory_iterator(path("lower"))->path().filename().string(),
                StartsWith("ECRYPTFS_FNEK_ENCRYPTED."));
    expect_done(ctl({"umount", path("upper")}));
    const auto again = ctl({"mount", path("lower"), "--key-passphrase-file", "-", "--json"});
    expect_done(again);
    EXPECT_EQ(json::parse(again.out)["keys_from"], "memory");
    EXPECT_EQ(read("letter"), "Dear Bob");
}

TEST_F(FolderOfAFolderKey, IsLockedAndUnlockedWithItsFilesOpen) {
    mount();
    write("letter", "Dear Bob");
    const base::UniqueFd file(::open(path("upper/letter").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file);
    for (const Arguments& lock : {Arguments{"lock"}, Arguments{"lock", path("key.jwe")}}) {
        expect_done(ctl(lock));
        std::array<char, 8> bytes{};
        EXPECT_EQ(::pread(file.get(), bytes.data(), bytes.size(), 0), -1);
        EXPECT_EQ(errno, ENOKEY);
        unlock();
        EXPECT_EQ(::pread(file.get(), bytes.data(), bytes.size(), 0), 8);
        EXPECT_EQ(std::string(bytes.data(), bytes.size()), "Dear Bob");
    }
}

TEST_F(FolderOfAFolderKey, RefusesAFileThatGotOtherKeys) {
    mount();
    expect_done(ctl({"umount", path("upper")}));
    fs::remove(path("key.jwe"));
    expect_done(ctl({"create-folder-key", path("key.jwe"), "--recipient", vector_key("k2048.pem"),
                     "--key-passphrase-file", "-", "--quiet"}));
    const auto refused = ctl({"mount", path("lower"), "--key-passphrase-file", "-"});
    EXPECT_NE(refused.exit_code, 0);
    EXPECT_THAT(refused.err, HasSubstr("does not have the key that " + path("lower")));
    EXPECT_THAT(refused.err,
                HasSubstr("name the folder key again: --folder-key FILE, with --fresh"));
    expect_done(ctl({"mount", path("lower"), path("upper"), "--fresh", "--folder-key",
                     path("key.jwe"), "--key-passphrase-file", "-"}));
}

TEST_F(FolderOfAFolderKey, TakesNoOtherKeysForContents) {
    const auto refused = ctl({"mount", path("lower"), path("upper"), "--folder-key",
                              path("key.jwe"), "--key", "fe3467554552491d"});
    EXPECT_THAT(refused.err, HasSubstr("--folder-key brings the keys for contents and names"));
    EXPECT_THAT(refused.err, HasSubstr("leave --key and --fnek out; --recovery names more keys"));
    mount();
}

TEST_F(FolderOfAFolderKey, IsAddedToTheUserKeyringAlone) {
    const auto refused = ctl({"add-key", path("key.jwe"), "--keyring", "session"});
    EXPECT_THAT(refused.err, HasSubstr("leave --keyring out"));
    expect_done(ctl({"add-key", path("key.jwe"), "--key-passphrase-file", "-"}));
    expect_done(ctl({"lock"}));
}

}  // namespace
}  // namespace ecryptfs::test
