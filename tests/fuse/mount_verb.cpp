// SPDX-License-Identifier: Apache-2.0

#include "tests/fuse/mount_verb.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "lib/base/number.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uid_t kNobody = 65534;

Environment environment_of(const std::string& home) {
    const auto programs = fs::path(ECRYPTFSCTL).parent_path().string() + ":" +
                          fs::path(ECRYPTFS_FUSE).parent_path().string();
    return {{"HOME", home}, {"PATH", programs + ":/usr/bin:/bin:/usr/sbin:/sbin"}};
}

}  // namespace

bool is_run_by_root() {
    return ::geteuid() == 0;
}

MountVerb::MountVerb() : user_(is_run_by_root() ? kNobody : ::geteuid()) {}

void MountVerb::SetUp() {
    fs::permissions(folder_.path(), fs::perms(0711));  // on that user's way
    for (const auto* name : {"", "lower", "upper"}) {
        fs::create_directories(path(name));
        ASSERT_EQ(::chown(path(name).c_str(), user_, static_cast<gid_t>(-1)), 0);
    }
}

void MountVerb::TearDown() {
    while (is_mounted()) {
        const auto gone = run_as_user({"/usr/bin/fusermount3", "-uz", path("upper")});
        if (gone.exit_code != 0 && ::umount2(path("upper").c_str(), MNT_DETACH) != 0) {
            break;
        }
    }
}

std::string MountVerb::path(const std::string& name) const {
    const auto home = folder_.path() / "home";
    return name.empty() ? home.string() : (home / name).string();
}

Command MountVerb::users(const Arguments& command, const std::string& inside) const {
    Arguments all;
    if (!inside.empty()) {
        all = {"/usr/bin/unshare", "--mount", "/bin/sh", "-ec", inside + "; exec \"$0\" \"$@\""};
    }
    if (is_run_by_root()) {
        all.insert(all.end(), {"/usr/bin/setpriv", fmt::format("--reuid={}", user_),
                               fmt::format("--regid={}", user_), "--clear-groups"});
    }
    all.insert(all.end(), command.begin(), command.end());
    return {all.front(), Arguments(all.begin() + 1, all.end()), environment_of(path())};
}

Outcome MountVerb::run_as_user(const Arguments& command, const std::string& input) const {
    return run(users(command), input);
}

Outcome MountVerb::ctl(const Arguments& arguments, const std::string& input) const {
    Arguments command = {ECRYPTFSCTL};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_as_user(command, input);
}

Outcome MountVerb::in_shell(const std::string& line, const std::string& inside) const {
    return run(users({"/bin/sh", "-c", "cd \"$0\" && " + line, path()}, inside));
}

Outcome MountVerb::ctl_as_root(const Arguments& arguments, const Environment& more) const {
    auto environment = environment_of(path());
    environment.insert(more.begin(), more.end());
    return run({ECRYPTFSCTL, arguments, environment});
}

std::pair<std::string, std::string> MountVerb::add_passphrase(const std::string& passphrase) const {
    const auto added =
        ctl({"add-passphrase", "--fnek", "--keyring", "session", "--passphrase-file", "-"},
            passphrase + "\n");
    EXPECT_EQ(added.exit_code, 0) << added.err;
    return {added.out.substr(0, 16), added.out.substr(17, 16)};
}

void MountVerb::expect_done(const Outcome& outcome) const {
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
}

void MountVerb::write(const std::string& name, const std::string& content) const {
    expect_done(
        run_as_user({"/bin/sh", "-c", "printf %s \"$1\" >\"$0\"", path("upper/" + name), content}));
}

std::string MountVerb::read(const std::string& name) const {
    const auto shown = run_as_user({"/bin/cat", path("upper/" + name)});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    return shown.out;
}

std::string MountVerb::mount_line(const std::string& upper) {
    std::ifstream table("/proc/self/mountinfo");
    for (std::string line; std::getline(table, line);) {
        if (line.contains(" " + upper + " ")) {
            return line;
        }
    }
    return "";
}

pid_t MountVerb::server() const {
    const auto found = run({"/usr/bin/pgrep", {"-f", "ecryptfs-fuse .*" + path("upper")}});
    return base::parse_number<pid_t>(found.out.substr(0, found.out.find('\n'))).value_or(0);
}

void expect_refusal(const Outcome& outcome, base::ErrorCode code, const std::string& what,
                    const std::string& advice) {
    EXPECT_EQ(outcome.exit_code, base::traits(code).status) << outcome.err;
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("ecryptfsctl: "), HasSubstr(what), HasSubstr("\ntry: " + advice)));
}

}  // namespace ecryptfs::test
