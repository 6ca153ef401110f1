// SPDX-License-Identifier: Apache-2.0
//
// Folders of private keys, which the agent has: real agent, bus, host and mount.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header.h"
#include "lib/lower/passphrase.h"
#include "tests/fakes/agent_process.h"
#include "tests/fakes/build_under_test.h"
#include "tests/fakes/memory_searcher.h"
#include "tests/fakes/private_bus.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/lower_files.h"
#include "tests/support/vectors.h"
#include "tests/support/wait.h"

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
        const auto added =
            ctl({"add-key", vector_key(name), "--keyring", "session", "--passphrase-file", "-"},
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

// An errno, or 0.
int error_of_read(int fd) {
    std::array<char, 16> bytes;
    return ::pread(fd, bytes.data(), bytes.size(), 0) < 0 ? errno : 0;
}
int error_of_open(const fs::path& path) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return fd ? 0 : errno;
}

TEST_F(FolderOfPrivateKeys, LockReachesOpenFilesAndUnlockGivesThemBack) {
    const auto signature = add_key("k2048.pem", "secret");
    const auto mounted = mount(signature);
    const auto file = mounted.path() / "file";
    write_file(file, "contents");
    const base::UniqueFd open_file(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    for (const auto& lock : {Arguments{"lock", signature}, Arguments{"lock"}}) {
        ASSERT_EQ(ctl(lock).exit_code, 0);
        EXPECT_EQ(error_of_read(open_file.get()), ENOKEY);
        EXPECT_EQ(error_of_open(file), ENOKEY);
        EXPECT_EQ(::pwrite(open_file.get(), "X", 1, 0), -1);
        EXPECT_EQ(errno, ENOKEY);
        const auto unlocked = ctl({"unlock", signature, "--passphrase-file", "-"}, "secret");
        ASSERT_EQ(unlocked.exit_code, 0) << unlocked.err;
        EXPECT_EQ(error_of_read(open_file.get()), 0);
        EXPECT_EQ(read_file(file), "contents");
    }
    EXPECT_EQ(::pwrite(open_file.get(), "X", 1, 0), 1);
    EXPECT_EQ(read_file(file), "Xontents");
}

TEST_F(FolderOfPrivateKeys, RemovedKeyOpensNothing) {
    const auto signature = add_key("k2048.pem", "secret");
    const auto mounted = mount(signature);
    write_file(mounted.path() / "file", "contents");
    ASSERT_EQ(ctl({"remove-key", signature}).exit_code, 0);
    EXPECT_EQ(error_of_open(mounted.path() / "file"), ENOKEY);
}

// The key of the only file in a lower folder.
lower::FileKey file_key(const fs::path& lower, const lower::PassphraseKey& key) {
    const auto file = fs::recursive_directory_iterator(lower)->path();
    const auto bytes = read_file(file).substr(0, lower::kMaxHeader);
    const auto header = base::value_or_throw(lower::parse_header(base::as_bytes(bytes)));
    return base::value_or_throw(lower::file_key_from_packet(header.packets.at(0), key.key.view()));
}

TEST_F(FolderOfPrivateKeys, LockOfAllReachesPassphraseFolders) {
    const auto tokens = add_passphrase_tokens("correct-horse");
    const auto key = base::value_or_throw(
        lower::derive_passphrase_key(base::as_bytes("correct-horse"), lower::kDefaultSalt));
    const MountedFolder mounted(lower(), mount_options(tokens), bus_.environment());
    const auto file = mounted.path() / "file";
    write_file(file, "contents");
    const auto fek = file_key(lower(), key);
    const base::UniqueFd open_file(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_GT(count_in_memory(mounted.pid(), fek.fek.view()), 0U);
    EXPECT_GT(count_in_memory(mounted.pid(), key.key.view()), 0U);
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    EXPECT_EQ(count_in_memory(mounted.pid(), fek.fek.view()), 0U);
    EXPECT_EQ(count_in_memory(mounted.pid(), key.key.view()), 0U);
    EXPECT_EQ(error_of_read(open_file.get()), ENOKEY);
    EXPECT_EQ(error_of_open(mounted.path() / "another"), ENOKEY) << "its name is not known";
    std::error_code error;
    EXPECT_EQ(fs::directory_iterator(mounted.path(), error), fs::directory_iterator());
    EXPECT_EQ(error.value(), ENOKEY);
    ASSERT_EQ(ctl({"unlock", tokens.contents}).exit_code, 0);
    ASSERT_EQ(ctl({"unlock", tokens.names}).exit_code, 0);
    wait_until("it is unlocked", [&] { return error_of_read(open_file.get()) == 0; });
    EXPECT_EQ(read_file(file), "contents");
}

// What was read and written last is nowhere in its memory, and was there.
TEST_F(FolderOfPrivateKeys, LockWipesWhatWasReadAndWritten) {
    const auto signature = add_key("k2048.pem", "secret");
    const auto mounted = mount(signature);
    std::string text;
    while (text.size() < 600'000) {
        text += fmt::format("plain line {}\n", text.size());
    }
    const auto canary = base::as_bytes(std::string_view(text).substr(100, 40));
    const auto late_canary = base::as_bytes(std::string_view(text).substr(599'000, 40));
    write_file(mounted.path() / "file", text);
    write_file(mounted.path() / "small", text.substr(0, 1000));
    for (const bool is_read : {false, true}) {
        if (is_read) {
            const auto unlocked = ctl({"unlock", signature, "--passphrase-file", "-"}, "secret");
            ASSERT_EQ(unlocked.exit_code, 0) << unlocked.err;
            EXPECT_EQ(read_file(mounted.path() / "file"), text);
            EXPECT_EQ(read_file(mounted.path() / "small"), text.substr(0, 1000));
        }
        EXPECT_GT(count_in_memory(mounted.pid(), canary), 0U) << is_read;
        ASSERT_EQ(ctl({"lock"}).exit_code, 0);
        EXPECT_EQ(count_in_memory(mounted.pid(), canary), 0U) << is_read;
        EXPECT_EQ(count_in_memory(mounted.pid(), late_canary), 0U) << is_read;
    }
}

// Whoever reads what the kernel has of a file's pages sees nothing either.
TEST_F(FolderOfPrivateKeys, LockDropsMappedPages) {
    const auto signature = add_key("k2048.pem", "secret");
    const auto mounted = mount(signature);
    const auto file = mounted.path() / "file";
    write_file(file, "contents");
    const base::UniqueFd open_file(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    void* const mapping = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, open_file.get(), 0);
    ASSERT_NE(mapping, MAP_FAILED);
    EXPECT_EQ(*static_cast<const char*>(mapping), 'c');
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    std::array<unsigned char, 1> is_there{};
    ASSERT_EQ(::mincore(mapping, 4096, is_there.data()), 0);
    EXPECT_EQ(is_there.front() & 1, 0);
    ::munmap(mapping, 4096);
}

TEST_F(FolderOfPrivateKeys, LockSaysWhichMountDoesNotConfirm) {
    const auto signature = add_key("k2048.pem", "secret");
    MountedFolder mounted(lower(), "ecryptfs_sig=" + signature, bus_.environment());
    ASSERT_EQ(::kill(mounted.pid(), SIGSTOP), 0);
    const auto locked = ctl({"lock"});
    EXPECT_EQ(locked.exit_code, base::traits(base::ErrorCode::kTimedOut).status);
    EXPECT_NE(locked.err.find(std::to_string(mounted.pid())), std::string::npos) << locked.err;
    ASSERT_EQ(::kill(mounted.pid(), SIGCONT), 0);
}

// From the lines of /proc/PID/status.
std::string status_field(pid_t pid, const std::string& name) {
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(name + ":\t")) {
            return line.substr(name.size() + 2);
        }
    }
    return "";
}

TEST_F(FolderOfPrivateKeys, StatusShowsTheChannel) {
    const auto signature = add_key("k2048.pem", "secret");
    const auto mounted = mount(signature);
    write_file(mounted.path() / "file", "contents");
    const auto status = nlohmann::json::parse(ctl({"status", "--json"}).out);
    ASSERT_EQ(status["channels"].size(), 1U) << status;
    const auto& channel = status["channels"][0];
    EXPECT_EQ(channel["pid"], mounted.pid());
    EXPECT_GT(channel["answered"], 0);
    EXPECT_EQ(channel["failed"], 0);
    EXPECT_NE(ctl({"status"}).out.find(std::to_string(mounted.pid())), std::string::npos);
}

TEST_F(FolderOfPrivateKeys, MountHasGivenUpItsRights) {
    const auto signature = add_key("k2048.pem", "secret");
    const auto mounted = mount(signature);
    write_file(mounted.path() / "file", "contents");
    EXPECT_EQ(status_field(mounted.pid(), "NoNewPrivs"), "1");
    EXPECT_EQ(status_field(mounted.pid(), "Seccomp"), "2");
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", mounted.pid()))) {
        EXPECT_EQ(status_field(std::stoi(task.path().filename()), "Seccomp"), "2") << task.path();
    }
}

TEST_F(FolderOfPrivateKeys, KilledMountIsUnmounted) {
    const auto signature = add_key("k2048.pem", "secret");
    const TemporaryFolder upper;
    const auto mounted = run({ECRYPTFS_FUSE,
                              {lower(), upper.path(), "-o", "ecryptfs_sig=" + signature},
                              bus_.environment()});
    ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
    write_file(upper.path() / "file", "contents");
    const auto programs = run({"/usr/bin/pgrep", {"-f", upper.path().string()}});
    std::istringstream numbers(programs.out);
    for (pid_t pid = 0; numbers >> pid;) {
        if (status_field(pid, "Name") == "ecryptfs-fuse") {
            ASSERT_EQ(::kill(pid, SIGKILL), 0);
        }
    }
    wait_until("it is unmounted", [&] {
        std::error_code error;
        return fs::is_empty(upper.path(), error) && !error;
    });
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
