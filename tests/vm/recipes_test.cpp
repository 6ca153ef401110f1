// SPDX-License-Identifier: Apache-2.0
//
// docs/recipes.md, word for word: each section's commands, one after the other in one shell, as an
// ordinary user with the programs where a package has them. A program gives the answers that a
// person would type.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/kernel.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kAnswers[] = R"(#!/bin/sh
# The first that fits; "Once more: " is what was asked before.
case $ANSWERS_FOR:$1 in
*:'PIN for '*) echo 1234 ;;
wrap-passphrase:* | *:'Wrapping passphrase: ') echo 'my login passphrase' ;;
add-passphrase:* | *:'Mount passphrase: ') echo 'correct horse' ;;
generate-key:* | *:'Passphrase for '*) echo 1234 ;;
*) exit 1 ;;
esac
)";

constexpr char kCtl[] = R"(#!/bin/sh
case $1 in
generate-key)
    exec env ANSWERS_FOR="$1" {} "$@" --bits 2048 --askpass /usr/local/bin/answers ;;
add-key | unlock | add-passphrase | wrap-passphrase | decrypt)
    exec env ANSWERS_FOR="$1" {} "$@" --askpass /usr/local/bin/answers ;;
*) exec {} "$@" ;;
esac
)";

void write_program(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0755);
}

void link_folder(const fs::path& from, const fs::path& to) {
    fs::create_directories(from.parent_path());
    if (!fs::exists(fs::symlink_status(from))) {
        fs::create_symlink(to, from);
    }
}

// Makes a key on the way, which takes long in an emulated machine, although it is a smaller one.
void await_end(pid_t pid) {
    constexpr std::chrono::seconds kLonger{150};
    const auto deadline = std::chrono::steady_clock::now() + kLonger;
    siginfo_t ended{};
    while (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

// The indented lines below a heading of docs/recipes.md.
std::string commands_of(const std::string& recipe) {
    std::ifstream file(ECRYPTFS_RECIPES);
    std::string commands;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("## ")) {
            inside = line == "## " + recipe;
        } else if (inside && line.starts_with("    ")) {
            commands += line.substr(4) + "\n";
        }
    }
    EXPECT_NE(commands, "") << recipe;
    return commands;
}

class Recipes : public OnTheRealKernel {
  protected:
    void SetUp() override {
        OnTheRealKernel::SetUp();
        write_program("/usr/local/bin/answers", kAnswers);
        std::string ctl = kCtl;
        for (auto at = ctl.find("{}"); at != std::string::npos; at = ctl.find("{}")) {
            ctl.replace(at, 2, ECRYPTFSCTL);
        }
        write_program("/usr/local/bin/ecryptfsctl", ctl);
        link_folder(ECRYPTFS_INSTALLED_HOST, ECRYPTFS_PKI_HOST);
        link_folder(ECRYPTFS_INSTALLED_MODULES, ECRYPTFS_MODULE_FOLDER);
    }
    void TearDown() override {
        for (const auto* upper : {"Secret", "Private"}) {
            ::umount2((home_ / upper).c_str(), MNT_DETACH);
        }
        EXPECT_EQ(run_as(alice(),
                         [&] {
                             for (const auto& entry : fs::directory_iterator(home_)) {
                                 fs::remove_all(entry);
                             }
                             return 0;
                         }),
                  0);
        OnTheRealKernel::TearDown();
    }

    // What they print.
    std::string shell(const std::string& commands) const {
        const auto out = memory_file();
        const auto log = alice().runtime_folder() + "/recipe.log";
        Process bash = session_.start(
            {"bash", "-c",
             fmt::format("exec 2>{}; PATH=/usr/local/bin:$PATH; set -eux\n{}", log, commands)},
            -1, out.get());
        await_end(bash.pid());
        EXPECT_EQ(bash.wait(), 0) << std::ifstream(log).rdbuf();
        return content_of(out.get());
    }
    std::string follow(const std::string& recipe) const { return shell(commands_of(recipe)); }

    const fs::path home_ = alice().home();
    const UserSession session_{alice()};
};

TEST_F(Recipes, KeyInFileWorks) {
    EXPECT_THAT(follow("A key in a file"), testing::EndsWith("Dear diary\n"));
    std::ifstream diary(home_ / ".Secret/diary");
    const std::string stored(std::istreambuf_iterator<char>(diary), {});
    EXPECT_THAT(stored, testing::Not(HasSubstr("Dear")));
    EXPECT_GT(stored.size(), 8192U);
}

TEST_F(Recipes, SmartCardWorks) {
    EXPECT_EQ(run_as(alice(),
                     [&] {
                         const auto folder = home_ / ".config/softhsm2";
                         fs::create_directories(folder / "tokens");
                         std::ofstream(folder / "softhsm2.conf")
                             << "directories.tokendir = " << folder.string() << "/tokens\n";
                         return 0;
                     }),
              0);
    shell("softhsm2-util --init-token --free --label work --pin 1234 --so-pin 56789 >&2");
    const auto said = follow("A smart card or an HSM");
    EXPECT_THAT(said, HasSubstr("pkcs11:"));
    EXPECT_THAT(said, testing::EndsWith("Dear diary\n"));
}

TEST_F(Recipes, TpmWorks) {
    EXPECT_EQ(follow("The TPM, with a PIN"), "Dear diary\n");
}

TEST_F(Recipes, RecoveryKeyWorks) {
    const auto said = follow("A recovery key");
    EXPECT_THAT(said, HasSubstr("0 have one key only"));
    EXPECT_THAT(said, HasSubstr("Dear diary\n"));
    EXPECT_THAT(said, testing::EndsWith("Dear diary\n"));
}

TEST_F(Recipes, MoveFromEcryptfsUtilsWorks) {
    // A home as its tools leave it, with names encrypted.
    shell(R"(
mkdir -p ~/.ecryptfs ~/.Private ~/Private
echo 'an old secret' >~/passphrase
chmod 600 ~/passphrase
ecryptfsctl wrap-passphrase ~/.ecryptfs/wrapped-passphrase --passphrase-file ~/passphrase
ecryptfsctl add-passphrase --fnek --passphrase-file ~/passphrase >~/.ecryptfs/Private.sig
echo "$HOME/Private" >~/.ecryptfs/Private.mnt
set -- $(cat ~/.ecryptfs/Private.sig)
sudo mount -i -t ecryptfs -o ecryptfs_sig=$1,ecryptfs_fnek_sig=$2,ecryptfs_cipher=aes,ecryptfs_key_bytes=16 ~/.Private ~/Private
echo 'Dear diary' >~/Private/diary
sudo umount -i ~/Private
ecryptfsctl remove-key $1
ecryptfsctl remove-key $2
rm ~/passphrase
)");
    EXPECT_THAT(follow("Moving from ecryptfs-utils"), testing::EndsWith("\ndiary\n"));
    EXPECT_EQ(shell("cat ~/Secret/diary"), "Dear diary\n");
    EXPECT_THAT(shell("ecryptfsctl inspect ~/.Secret"), HasSubstr("1 have one key only"));
}

}  // namespace
}  // namespace ecryptfs::vm
