// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/private_keyrings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "lib/base/allowed_libraries.h"
#include "lib/base/handle.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

constexpr char kMark[] = "ECRYPTFS_TEST_KEYRINGS_ARE_PRIVATE";
constexpr int kCannotRun = 99;
constexpr uid_t kNobody = 65534;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    ::_exit(kCannotRun);
}

void write_map(const char* path, const std::string& text) {
    const base::UniqueFd map(::open(path, O_WRONLY | O_CLOEXEC));
    if (::write(map.get(), text.data(), text.size()) < 0) {
        give_up(path);
    }
}

// The password database, but with another home for the user that we are inside.
void write_passwd(const fs::path& file, const fs::path& home) {
    std::ifstream all("/etc/passwd");
    std::ofstream changed(file);
    for (std::string line; std::getline(all, line);) {
        if (line.find(fmt::format(":x:{}:", kNobody)) == std::string::npos) {
            changed << line << '\n';
        }
    }
    changed << fmt::format("nobody:x:{0}:{0}:nobody:{1}:/usr/sbin/nologin\n", kNobody,
                           home.string());
}

void become_ordinary_user(const fs::path& home) {
    if (::geteuid() != 0) {
        return;
    }
    const auto id = static_cast<uid_t>(500'000'000 + ::getpid());
    if (::chown(home.c_str(), id, id) != 0 || ::setgroups(0, nullptr) != 0 ||
        ::setresgid(id, id, id) != 0 || ::setresuid(id, id, id) != 0) {
        give_up("becoming an ordinary user");
    }
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // or /proc/self is root's
}

// Folders that are mounted now, by other tests or for who uses this machine, would be listed by
// ecryptfsctl. An ordinary user cannot take them away.
void leave_mounts_behind() {
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        return;
    }
    std::ifstream mounts("/proc/self/mounts");
    std::string device;
    std::string folder;
    std::string type;
    std::vector<std::string> folders;
    for (std::string rest; mounts >> device >> folder >> type && std::getline(mounts, rest);) {
        if (type == "ecryptfs" || type == "fuse.ecryptfs-fuse") {
            folders.push_back(folder);
        }
    }
    for (const auto& each : folders) {
        ::umount2(each.c_str(), MNT_DETACH);
    }
}

[[noreturn]] void run_again(char** argv, const fs::path& home) {
    leave_mounts_behind();
    become_ordinary_user(home);
    const auto passwd = home / "passwd";
    write_passwd(passwd, home);
    const auto uid = ::geteuid();
    const auto gid = ::getegid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        give_up("unshare(CLONE_NEWUSER | CLONE_NEWNS)");
    }
    if (::mount(passwd.c_str(), "/etc/passwd", nullptr, MS_BIND, nullptr) != 0) {
        give_up("mounting a file on /etc/passwd");
    }
    write_map("/proc/self/setgroups", "deny");
    // Inside, a user that has a name: dbus-daemon looks it up.
    write_map("/proc/self/uid_map", fmt::format("{} {} 1", kNobody, uid));
    write_map("/proc/self/gid_map", fmt::format("{} {} 1", kNobody, gid));
    ::setenv(kMark, "1", 1);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // becoming another user took it away
    ::execv("/proc/self/exe", argv);
    give_up("running the tests again");
}

}  // namespace

bool keyrings_are_private() {
    return std::getenv(kMark) != nullptr;
}

int run_with_private_keyrings(char** argv) {
    const TemporaryFolder home;
    // Not fork(): sanitizers would start a thread in the child, and unshare() wants there to be
    // one.
    const auto child =
        static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (child == 0) {
        run_again(argv, home.path());
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child) {
        give_up("running the tests again");
    }
    if (WIFSIGNALED(status)) {
        fmt::print(stderr, "the tests were ended by signal {}\n", WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : kCannotRun;
}

void allow_library(const std::string& path) {
    const fs::path file = base::value_or_throw(base::allowed_libraries_path());
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::app) << fs::canonical(path).string() << '\n';
}

}  // namespace ecryptfs::test
