// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl mount and umount on the real kernel, through sudo, as a user types them; and inspect
// and decrypt of what that kernel has written.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/wait.h"
#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/kernel.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kPassphrase[] = "correct horse battery staple\n";

class MountVerb : public OnTheRealKernel {
  protected:
    void TearDown() override {
        ::umount2(upper().c_str(), MNT_DETACH);
        fs::remove_all(alice().home() + "/.config");
        OnTheRealKernel::TearDown();
    }

    Outcome sudo(Arguments arguments) const {
        arguments.insert(arguments.begin(), {"sudo", ECRYPTFSCTL});
        return session_.run(arguments);
    }
    // Must succeed.
    void mount(const Arguments& options) const {
        Arguments arguments = {"mount", "--kernel", lower(), upper()};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const auto outcome = sudo(arguments);
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(outcome.err, "");
    }
    void unmount(const Arguments& options = {}) const {
        Arguments arguments = {"umount", upper()};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const auto outcome = sudo(arguments);
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    // "ecryptfsctl: what is wrong\ntry: what to do\n"
    static void expect_refusal(const Outcome& outcome, int exit_code, const std::string& what,
                               const std::string& advice) {
        EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
        EXPECT_THAT(outcome.err, AllOf(StartsWith("ecryptfsctl: "), HasSubstr(what),
                                       HasSubstr("\ntry: "), HasSubstr(advice)));
    }

    std::string add_rsa() const {
        return session_.add_key(install_key(alice(), "k2048.pem"), "secret");
    }
    // The signatures of contents and names. Derived once: that takes ten seconds in the guest.
    std::pair<std::string, std::string> add_passphrase() const {
        static std::vector<std::pair<std::string, std::string>> tokens;
        if (tokens.empty()) {
            const auto printed = session_.ctl_prints(
                {"add-passphrase", "--fnek", "--passphrase-file", "-"}, kPassphrase);
            for (const auto& signature : {printed.substr(0, 16), printed.substr(17, 16)}) {
                tokens.emplace_back(signature, payload(session_, signature));
            }
        } else {
            EXPECT_EQ(session_.call([] {
                for (const auto& [signature, token] : tokens) {
                    if (::add_key("user", signature.c_str(), token.data(), token.size(),
                                  KEY_SPEC_USER_KEYRING) < 0) {
                        return errno;
                    }
                }
                return 0;
            }),
                      0);
        }
        return {tokens[0].first, tokens[1].first};
    }

    void write(const std::string& name, const std::string& content) const {
        EXPECT_EQ(run_as(alice(),
                         [&] {
                             std::ofstream file(upper() + "/" + name);
                             file << content << std::flush;
                             return file ? 0 : 1;
                         }),
                  0)
            << name;
    }
    // What alice reads, or "errno N".
    std::string read(const std::string& path) const {
        const int error = open_error(alice(), path);
        if (error != 0) {
            return fmt::format("errno {}", error);
        }
        return session_.run({"cat", path}).out;
    }
    std::string seen(const std::string& name) const { return read(upper() + "/" + name); }

    std::string lower() const { return mount_.lower(); }
    std::string upper() const { return mount_.upper(); }

    const UserSession session_{alice()};
    const Mount mount_{session_, "verb"};
};

TEST_F(MountVerb, MountsForWhoCalledSudoAndRemembersTheFolder) {
    const auto signature = add_rsa();
    mount({"--key", signature});
    write("letter", "Dear Bob");
    unmount({"--keep-keys"});
    EXPECT_EQ(seen("letter"), "errno 2");

    EXPECT_EQ(sudo({"mount", "--kernel", lower()}).exit_code, 0) << "it is remembered";
    EXPECT_EQ(seen("letter"), "Dear Bob");
    struct statvfs how{};
    ASSERT_EQ(::statvfs(upper().c_str(), &how), 0);
    EXPECT_TRUE((how.f_flag & ST_NOSUID) != 0 && (how.f_flag & ST_NODEV) != 0);
    const fs::path memory = alice().home() + "/.config/ecryptfs-agent/folders.json";
    EXPECT_EQ(json::parse(std::ifstream(memory))["folders"][0]["keys"][0], signature);
    unmount();
}

TEST_F(MountVerb, TheLastUnmountTakesTheKeyAway) {
    const auto signature = add_rsa();
    const Mount other(session_, "other");
    mount({"--key", signature});
    ASSERT_EQ(
        sudo({"mount", "--kernel", other.lower(), other.upper(), "--key", signature}).exit_code, 0);

    unmount();
    EXPECT_TRUE(is_in_user_keyring(session_, signature));
    const auto last = sudo({"umount", other.lower(), "--json"});
    EXPECT_EQ(json::parse(last.out)["unlinked"], json::array({signature})) << last.err;
    EXPECT_FALSE(is_in_user_keyring(session_, signature));
    EXPECT_EQ(session_.key(signature), nullptr) << "the agent forgets it too";

    expect_refusal(sudo({"mount", "--kernel", lower()}), 8, "no key " + signature,
                   "ecryptfsctl add-key " + alice().home() + "/keys/k2048.pem");
}

TEST_F(MountVerb, EitherKeyOpensNewFilesWithARecoveryKey) {
    const auto signature = add_rsa();
    const auto [recovery, unused] = add_passphrase();
    mount({"--key", signature, "--recovery", recovery});
    write("letter", "Dear Bob");
    unmount({"--keep-keys"});

    mount({"--fresh", "--key", signature});
    EXPECT_EQ(seen("letter"), "Dear Bob");
    unmount();
    EXPECT_EQ(session_.key(signature), nullptr);
    mount({"--fresh", "--key", recovery});
    EXPECT_EQ(seen("letter"), "Dear Bob");
    unmount();
}

// The rest, which `./dev test vm-mount` runs with the recipes: on a machine of their own.
class MountVerbAtLength : public MountVerb {};

TEST_F(MountVerbAtLength, RootAsksAgentOfNamedUser) {
    const auto signature = add_rsa();
    const auto mounted = session_.run(
        {"sudo", "env", "-u", "SUDO_UID", "DBUS_SESSION_BUS_ADDRESS=unix:path=/none", ECRYPTFSCTL,
         "mount", "--kernel", lower(), upper(), "--key", signature, "--user", alice().name});
    EXPECT_EQ(mounted.exit_code, 0) << mounted.err;
    write("letter", "Dear Bob");
    unmount();
}

TEST_F(MountVerbAtLength, EncryptsNamesByAPassphrase) {
    const auto [signature, fnek] = add_passphrase();
    mount({"--key", signature, "--fnek", fnek, "--cipher", "aes", "--key-bytes", "32"});
    write("letter", "Dear Bob");
    EXPECT_THAT(fs::directory_iterator(lower())->path().filename().string(),
                StartsWith("ECRYPTFS_FNEK_ENCRYPTED."));
    const auto gone = sudo({"umount", upper(), "--json"});
    EXPECT_EQ(json::parse(gone.out)["unlinked"], json::array({signature, fnek})) << gone.err;

    add_passphrase();
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--fresh", "--key", signature}), 2,
                   "names in " + lower() + " are encrypted", "--fnek " + fnek);
    EXPECT_EQ(sudo({"mount", "--kernel", lower()}).exit_code, 0);
    EXPECT_EQ(seen("letter"), "Dear Bob");
    unmount();
}

// By the kernel, and by ecryptfs-fuse, for which sudo changes nothing.
TEST_F(MountVerbAtLength, BothWaysMountTheSameFolder) {
    load_fuse();
    const auto [signature, fnek] = add_passphrase();
    const auto in_user_space =
        session_.ctl({"mount", lower(), upper(), "--key", signature, "--fnek", fnek});
    ASSERT_EQ(in_user_space.exit_code, 0) << in_user_space.err;
    write("letter", "Dear Bob");
    EXPECT_EQ(session_.ctl({"umount", upper(), "--keep-keys"}).exit_code, 0);

    mount({});
    EXPECT_EQ(seen("letter"), "Dear Bob");
    write("answer", "Dear Alice");
    unmount({"--keep-keys"});

    const auto by_sudo = sudo({"mount", lower()});
    ASSERT_EQ(by_sudo.exit_code, 0) << by_sudo.err;
    EXPECT_EQ(seen("answer"), "Dear Alice");
    const auto listed = session_.status()["mounts"];
    ASSERT_EQ(listed.size(), 1U) << listed;
    EXPECT_EQ(listed[0]["kernel"], false);
    EXPECT_EQ(listed[0]["keys"], json::array({signature}));
    const auto gone = sudo({"umount", upper(), "--json"});
    EXPECT_EQ(json::parse(gone.out)["unlinked"], json::array({signature, fnek})) << gone.err;
    EXPECT_FALSE(is_in_user_keyring(session_, signature));
}

TEST_F(MountVerbAtLength, ReadOnlyIsReadOnly) {
    const auto [signature, fnek] = add_passphrase();
    mount({"--key", signature});
    write("letter", "Dear Bob");
    unmount({"--keep-keys"});
    mount({"--read-only"});
    EXPECT_EQ(seen("letter"), "Dear Bob");
    EXPECT_EQ(run_as(alice(), [&] { return std::ofstream(upper() + "/new") ? 0 : errno; }), EROFS);
    unmount({"--keep-keys"});
    mount({});
    write("new", "read-only is not remembered");
    unmount();
}

TEST_F(MountVerbAtLength, TheEncryptedViewShowsFilesAsTheyAreEncrypted) {
    const auto [signature, fnek] = add_passphrase();
    mount({"--key", signature, "--fnek", fnek});
    write("letter", "Dear Bob");
    unmount({"--keep-keys"});
    mount({"--encrypted-view"});
    EXPECT_EQ(difference(alice(), lower(), upper()), "");
    unmount();
}

TEST_F(MountVerbAtLength, PassesFilesThatAreNotEncryptedThroughWhenTold) {
    std::ofstream(lower() + "/plain") << "not encrypted\n";
    const auto [signature, fnek] = add_passphrase();
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", signature}), 2,
                   "/plain is not encrypted", "--passthrough");
    mount({"--key", signature, "--passthrough"});
    EXPECT_EQ(seen("plain"), "not encrypted\n");
    unmount();
}

// tmpfs has attributes of users since Linux 6.6.
TEST_F(MountVerbAtLength, KeepsHeadersInExtendedAttributes) {
    const auto [signature, fnek] = add_passphrase();
    if (::getxattr(lower().c_str(), "user.ecryptfs", nullptr, 0) < 0 && errno == EOPNOTSUPP) {
        expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", signature, "--xattr"}),
                       28, "no extended attributes", "leave --xattr out");
        return;
    }
    mount({"--key", signature, "--xattr"});
    write("letter", "Dear Bob");
    unmount({"--keep-keys"});
    EXPECT_GT(::getxattr((lower() + "/letter").c_str(), "user.ecryptfs", nullptr, 0), 0);
    EXPECT_EQ(fs::file_size(lower() + "/letter") % 4096, 0U);

    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--fresh", "--key", signature}), 2,
                   "headers in extended attributes", "--xattr");
    mount({});
    EXPECT_EQ(seen("letter"), "Dear Bob");
    unmount();
    EXPECT_EQ(json::parse(session_.ctl_prints(
                  {"inspect", lower(), "--json"}))["summary"]["by_state"]["encrypted"],
              1);
}

TEST_F(MountVerbAtLength, RefusesAMountWhoseFilesWouldNotOpen) {
    const auto [signature, fnek] = add_passphrase();
    expect_refusal(sudo({"mount", "--kernel", lower(), upper()}), 8, "nothing says which key",
                   "--key");
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", "0123456789abcdef"}), 8,
                   "no key 0123456789abcdef", "ecryptfsctl add-key");
    mount({"--key", signature});
    write("letter", "Dear Bob");
    unmount({"--keep-keys"});

    const auto rsa = add_rsa();
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", rsa}), 8,
                   "none of these keys opens", "--key " + signature);
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", rsa, "--fnek", rsa}), 11,
                   "eCryptfs encrypts names by passphrase only", "add-passphrase --fnek");
    session_.ctl_prints({"lock"});
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", rsa}), 19, "locked",
                   "ecryptfsctl unlock " + rsa);
    const auto forced = sudo({"mount", "--kernel", lower(), upper(), "--key", rsa, "--force"});
    EXPECT_EQ(forced.exit_code, 0);
    EXPECT_THAT(forced.err, AllOf(HasSubstr("warning: "), HasSubstr("none of these keys opens")));
    EXPECT_EQ(seen("letter"), "errno 5");
    unmount();
}

TEST_F(MountVerbAtLength, SaysWhatTheKernelSaysInWords) {
    const auto [signature, fnek] = add_passphrase();
    expect_refusal(session_.ctl({"mount", "--kernel", lower(), upper(), "--key", signature}), 10,
                   "only root may mount", "sudo ecryptfsctl mount");
    const auto stacked = fs::path(lower()).parent_path() / "stacked";
    for (const auto* folder : {"in", "work", "stacked"}) {
        fs::create_directories(stacked.parent_path() / folder);
    }
    ASSERT_EQ(::chown((stacked.parent_path() / "in").c_str(), alice().id, alice().id), 0);
    const auto options = fmt::format("lowerdir=/etc,upperdir={0}/in,workdir={0}/work",
                                     stacked.parent_path().string());
    ASSERT_EQ(::mount("none", stacked.c_str(), "overlay", 0, options.c_str()), 0)
        << "on the guest's root, which is an overlay itself";
    expect_refusal(
        sudo({"mount", "--kernel", stacked, upper(), "--key", signature, "--passthrough"}), 2,
        "(the kernel: eCryptfs: maximum fs stacking depth exceeded)", "--cipher aes");
    EXPECT_EQ(::umount2(stacked.c_str(), 0), 0);
    std::ofstream(upper() + "/here");
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", signature}), 30,
                   "is not empty", "name an empty folder");
    fs::remove(upper() + "/here");
    mount({"--key", signature});
    expect_refusal(sudo({"mount", "--kernel", lower(), upper(), "--key", signature}), 30,
                   "is mounted on", "ecryptfsctl umount");
    expect_refusal(sudo({"mount", "--kernel", upper(), "/mnt", "--key", signature}), 2,
                   "is on an eCryptfs mount itself", "lower");
    unmount();
    expect_refusal(sudo({"umount", upper()}), 9, "no eCryptfs is mounted", "status");
}

TEST_F(MountVerbAtLength, SaysWhoUsesAMountThatIsBusy) {
    const auto [signature, fnek] = add_passphrase();
    mount({"--key", signature});
    Process user = session_.start({"env", "-C", upper(), "sleep", "1000"});
    test::wait_until("it is in use", [&] {
        return fs::read_symlink(fmt::format("/proc/{}/cwd", user.pid())) == upper();
    });
    expect_refusal(sudo({"umount", upper()}), 31, fmt::format("({})", user.pid()), "--lazy");
    EXPECT_TRUE(is_in_user_keyring(session_, signature));
    EXPECT_EQ(sudo({"umount", upper(), "--lazy"}).exit_code, 0);
    EXPECT_FALSE(is_in_user_keyring(session_, signature));
    end_process(user.pid(), SIGKILL);
}

TEST_F(MountVerbAtLength, ReadsWhatEcryptfsUtilsLeftInAHome) {
    const auto [signature, fnek] = add_passphrase();
    const fs::path home = alice().home();
    const auto private_lower = home / ".Private";
    const auto private_upper = home / "Private";
    ASSERT_EQ(
        session_.run({"mkdir", "-p", private_lower, private_upper, home / ".ecryptfs"}).exit_code,
        0);
    std::ofstream(home / ".ecryptfs/Private.sig") << signature << "\n" << fnek << "\n";
    std::ofstream(home / ".ecryptfs/Private.mnt") << private_upper.string() << "\n";
    const auto mounted = sudo({"mount", "--kernel", private_lower, "--json"});
    ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
    const auto said = json::parse(mounted.out);
    EXPECT_EQ(said["upper"], private_upper.string());
    EXPECT_EQ(said["name_keys"], json::array({fnek}));
    EXPECT_EQ(said["keys_from"], "~/.ecryptfs");
    EXPECT_EQ(sudo({"umount", private_upper}).exit_code, 0);
}

TEST_F(MountVerbAtLength, WhatTheKernelWroteIsInspectedAndDecryptedWithoutIt) {
    const auto rsa = add_rsa();
    const auto [passphrase, fnek] = add_passphrase();
    mount({"--key", rsa, "--recovery", passphrase, "--fnek", fnek});
    unpack(alice(), "plain.tar.xz", upper());
    unmount();

    const auto seen = json::parse(session_.ctl_prints({"inspect", lower(), "--json"}));
    const auto files = files_in(plain_tree()).size();
    EXPECT_EQ(seen["summary"]["files"], files);
    EXPECT_EQ(seen["summary"]["by_state"]["encrypted"], files);
    EXPECT_EQ(seen["summary"]["one_key_only"], 0);

    const auto rescued = fs::path("/home/alice/rescued");
    const auto by_passphrase = session_.ctl(
        {"decrypt", lower(), "--output", rescued, "--passphrase-file", "-"}, kPassphrase);
    EXPECT_EQ(by_passphrase.exit_code, 0) << by_passphrase.err;
    EXPECT_EQ(difference(alice(), plain_tree(), rescued), "");
}

}  // namespace
}  // namespace ecryptfs::vm
