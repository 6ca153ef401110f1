// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/process.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "tests/support/wait.h"

namespace ecryptfs::vm {
namespace {

constexpr int kCannotRun = 127;

void check_in_child(bool succeeded, const char* what) {
    if (!succeeded) {
        std::perror(what);
        ::_exit(kCannotRun);
    }
}

void become(const User& user, bool keep_root) {
    const auto id = user.id;
    check_in_child(::initgroups(user.name.c_str(), id) == 0, "initgroups");
    check_in_child(::setresgid(id, id, id) == 0 && ::setresuid(id, id, keep_root ? 0 : id) == 0,
                   "setresuid");
    check_in_child(::chdir(user.home().c_str()) == 0, "chdir");
    ::clearenv();
    ::setenv("HOME", user.home().c_str(), 1);
    ::setenv("USER", user.name.c_str(), 1);
    ::setenv("LOGNAME", user.name.c_str(), 1);
    ::setenv("XDG_RUNTIME_DIR", user.runtime_folder().c_str(), 1);
    ::setenv("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", 1);
    ::setenv("LANG", "C.UTF-8", 1);
}

void redirect(int to, int from) {
    const int source = from >= 0 ? from : ::open("/dev/null", O_RDWR | O_CLOEXEC);
    check_in_child(::dup2(source, to) == to, "dup2");
}

// Errors of the child go where the tests print, unless they are asked for.
pid_t start(const ChildSetup& setup, const std::function<int()>& body) {
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid != 0) {
        return pid;
    }
    redirect(STDIN_FILENO, setup.in);
    if (setup.out >= 0) {
        redirect(STDOUT_FILENO, setup.out);
    }
    if (setup.err >= 0) {
        redirect(STDERR_FILENO, setup.err);
    }
    become(setup.user, setup.may_be_root_again);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // a change of user clears it
    setup.prepare();
    ::_exit(body());
}

int execute(const Arguments& command) {
    std::vector<char*> argv;
    for (const auto& word : command) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    ::execvp(argv.front(), argv.data());
    std::perror(argv.front());
    return kCannotRun;
}

base::UniqueFd open_pidfd(pid_t pid) {
    return base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool has_ended_in_time(const base::UniqueFd& pidfd) {
    pollfd end{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    return ::poll(&end, 1, static_cast<int>(test::kPatience.count())) == 1;
}

bool is_run_by(const std::filesystem::path& process, const User& user) {
    const auto wanted = "Uid:\t" + std::to_string(user.id) + "\t";
    std::ifstream status(process / "status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(wanted)) {
            return true;
        }
    }
    return false;
}

}  // namespace

const User& alice() {
    static const User user{.name = "alice", .id = 2001};
    return user;
}

const User& bob() {
    static const User user{.name = "bob", .id = 2002};
    return user;
}

Process::Process(const ChildSetup& setup, const std::function<int()>& body)
    : pid_(start(setup, body)), pidfd_(open_pidfd(pid_)) {}

Process::Process(const ChildSetup& setup, const Arguments& command)
    : Process(setup, [&] { return execute(command); }) {}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      exit_code_(other.exit_code_) {}

Process::~Process() {
    if (pid_ > 0 && !exit_code_) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

int Process::wait() {
    if (exit_code_) {
        return *exit_code_;
    }
    if (!has_ended_in_time(pidfd_)) {
        ADD_FAILURE() << "process " << pid_ << " hangs";
        ::kill(pid_, SIGKILL);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return *exit_code_;
}

StartLine::StartLine() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    begin_.reset(ends[0]);
    hold_.reset(ends[1]);
}

void StartLine::wait() {
    hold_.reset();
    char nothing = 0;
    static_cast<void>(::read(begin_.get(), &nothing, 1));
}

Outcome run(ChildSetup setup, const Arguments& command, const std::string& input) {
    const auto in = memory_file(input);
    const auto out = memory_file();
    const auto err = memory_file();
    setup.in = in.get();
    setup.out = out.get();
    setup.err = err.get();
    const int exit_code = Process(setup, command).wait();
    return {exit_code, content_of(out.get()), content_of(err.get())};
}

int run_as(const User& user, const std::function<int()>& body) {
    return Process(ChildSetup{.user = user}, body).wait();
}

void become_root_again() {
    check_in_child(::seteuid(0) == 0, "seteuid");
}

base::UniqueFd memory_file(const std::string& content) {
    base::UniqueFd file(::memfd_create("vm-tests", MFD_CLOEXEC));
    EXPECT_EQ(::fchmod(file.get(), 0600), 0);
    EXPECT_EQ(::pwrite(file.get(), content.data(), content.size(), 0),
              static_cast<ssize_t>(content.size()));
    return file;
}

std::string content_of(int fd) {
    struct stat status{};
    EXPECT_EQ(::fstat(fd, &status), 0);
    std::string content(static_cast<std::size_t>(status.st_size), '\0');
    const auto size = ::pread(fd, content.data(), content.size(), 0);
    EXPECT_EQ(size, static_cast<ssize_t>(content.size()));
    return content;
}

std::vector<pid_t> find_processes(const User& user, const std::string& program) {
    std::vector<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        std::error_code unreadable;
        if (name.find_first_not_of("0123456789") == std::string::npos &&
            std::filesystem::read_symlink(entry.path() / "exe", unreadable) == program &&
            is_run_by(entry.path(), user)) {
            found.push_back(std::stoi(name));
        }
    }
    return found;
}

void end_process(pid_t pid, int signal) {
    const auto pidfd = open_pidfd(pid);
    if (!pidfd) {
        return;  // it has gone
    }
    ::kill(pid, signal);
    if (!has_ended_in_time(pidfd)) {
        ADD_FAILURE() << "process " << pid << " does not end on signal " << signal;
        ::kill(pid, SIGKILL);
    }
}

}  // namespace ecryptfs::vm
