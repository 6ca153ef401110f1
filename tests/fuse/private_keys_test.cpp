// SPDX-License-Identifier: Apache-2.0
//
// Folders of private keys, which the agent has: real agent, bus, host and mount.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "lib/base/error.h"
#include "tests/support/lower_files.h"
#include "tests/support/vectors.h"
#include "tests/fakes/agent_process.h"
#include "tests/fakes/build_under_test.h"
#include "tests/fakes/private_bus.h"
#include "tests/fuse/mounted_folder.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    EXPECT_TRUE(file) << path;
}

class FolderOfPrivateKeys : public ::testing::Test {
  protected:
    FolderOfPrivateKeys() { fs::create_directory(lower()); }

    fs::path lower() const { return folder_.path() / "lower"; }
    fs::path plain() const { return folder_.path() / "plain"; }

    Outcome ctl(const Arguments& arguments, const std::string& input = "") const {
        return run({ctl_program(), arguments, bus_.environment()}, input);
    }
    // Gives the signature.
    std::string add_key(const std::string& name, const std::string& passphrase) const {
        const auto added = ctl({"add-key", vector_key(name), "--keyring", "session",
                                "--passphrase-file", "-"},
                               passphrase);
        EXPECT_EQ(added.exit_code, 0) << added.err;
        return added.out.substr(0, added.out.find('\n'));
    }
    MountedFolder mount(const std::string& signature, const std::string& options = "") const {
        return {lower(), fmt::format("ecryptfs_sig={}{}", signature, options), bus_.environment()};
    }

    TemporaryFolder folder_;
    PrivateBus bus_;
    AgentProcess agent_{bus_.environment(), base::UniqueFd(), {"--device", "/nonexistent/device"}};
};

TEST_F(FolderOfPrivateKeys, VectorsReadAsTheyWereWritten) {
    const struct {
        std::string vector;
        std::string key;
        std::string passphrase;
        std::string options;
    } cases[] = {{"rsa1024-aes16", "k1024.pem", "secret", ""},
                 {"rsa2048-aes16", "k2048.pem", "secret", ""},
                 {"rsa2048p8-aes32", "k2048p8.pem", "p8secret", ",ecryptfs_key_bytes=32"},
                 {"rsa-plus-pass", "k2048.pem", "secret", ""}};
    unpack_vector("plain", plain());
    for (const auto& [vector, key, passphrase, options] : cases) {
        const auto lower = folder_.path() / vector;
        unpack_vector(vector + ".lower", lower);
        const MountedFolder mounted(lower, "ecryptfs_sig=" + add_key(key, passphrase) + options,
                                    bus_.environment());
        EXPECT_EQ(difference(plain(), mounted.path()), "") << vector;
    }
}

TEST_F(FolderOfPrivateKeys, NewFilesOpenAgainAndOutsideTheMount) {
    const auto signature = add_key("k2048.pem", "secret");
    auto mounted = mount(signature);
    for (int i = 0; i < 300; ++i) {
        write_file(mounted.path() / fmt::format("file {}", i), fmt::format("contents {}", i));
    }
    mounted.mount_anew();
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(read_file(mounted.path() / fmt::format("file {}", i)),
                  fmt::format("contents {}", i));
    }
    const auto output = folder_.path() / "output";
    const auto decrypted = ctl({"decrypt", lower(), "--output", output, "--key",
                                vector_key("k2048.pem"), "--key-passphrase-file", "-",
                                "--module-dir", built("modules"), "--pki-host", host_program()},
                               "secret");
    EXPECT_EQ(decrypted.exit_code, 0) << decrypted.err;
    EXPECT_EQ(difference(output, mounted.path()), "");
}

TEST_F(FolderOfPrivateKeys, EachFileCostsOneOperation) {
    const auto signature = add_key("k2048.pem", "secret");
    auto mounted = mount(signature);
    write_file(mounted.path() / "file", "contents");
    mounted.mount_anew();
    EXPECT_EQ(read_file(mounted.path() / "file"), "contents");
    ASSERT_EQ(::kill(agent_.pid(), SIGSTOP), 0);  // it answers nothing
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(read_file(mounted.path() / "file"), "contents");
    }
    ASSERT_EQ(::kill(agent_.pid(), SIGCONT), 0);
}

TEST_F(FolderOfPrivateKeys, FilesOpenAfterTheAgentIsKilledAndBack) {
    const auto signature = add_key("k2048.pem", "secret");
    auto mounted = mount(signature);
    for (int i = 0; i < 20; ++i) {
        write_file(mounted.path() / std::to_string(i), std::to_string(i));
    }
    mounted.mount_anew();
    for (int i = 0; i < 20; ++i) {
        if (i % 5 == 0) {
            ASSERT_EQ(agent_.stop(SIGKILL), 128 + SIGKILL);
            agent_.start_again();
        }
        ASSERT_EQ(read_file(mounted.path() / std::to_string(i)), std::to_string(i)) << agent_.log();
    }
}

TEST_F(FolderOfPrivateKeys, UnknownKeyIsRefusedBeforeMounting) {
    const TemporaryFolder upper;
    const auto mounted = run({ECRYPTFS_FUSE,
                              {lower(), upper.path(), "-o", "ecryptfs_sig=fe34675545524900"},
                              bus_.environment()});
    EXPECT_NE(mounted.exit_code, 0);
    EXPECT_NE(mounted.err.find("fe34675545524900"), std::string::npos) << mounted.err;
}

TEST_F(FolderOfPrivateKeys, MountWithoutABusSaysWhatToDo) {
    const auto signature = add_key("k2048.pem", "secret");
    const TemporaryFolder upper;
    const auto mounted = run(
        {ECRYPTFS_FUSE, {lower(), upper.path(), "-o", fmt::format("ecryptfs_sig={}", signature)}});
    EXPECT_EQ(mounted.exit_code, base::traits(base::ErrorCode::kNoBus).status);
    EXPECT_NE(mounted.err.find("dbus-run-session"), std::string::npos) << mounted.err;
}

}  // namespace
}  // namespace ecryptfs::test
