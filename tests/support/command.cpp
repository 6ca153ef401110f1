// SPDX-License-Identifier: Apache-2.0

#include "tests/support/command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

namespace ecryptfs::test {
namespace {

// argv or envp, made before fork(): a child of a program with threads may not allocate.
class CStrings {
  public:
    explicit CStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
        for (auto& string : strings_) {
            pointers_.push_back(string.data());
        }
        pointers_.push_back(nullptr);
    }
    char* const* get() const { return pointers_.data(); }

  private:
    std::vector<std::string> strings_;
    std::vector<char*> pointers_;
};

CStrings arguments_of(const Command& command) {
    std::vector<std::string> all = {command.program};
    all.insert(all.end(), command.arguments.begin(), command.arguments.end());
    return CStrings(std::move(all));
}

CStrings environment_of(const Environment& environment) {
    // The leak sanitizer traces its process, which forbid_dumps() forbids. The thread sanitizer
    // does not see the locks of GLib, which OpenSC's module uses.
    Environment all = {{"PATH", "/usr/bin:/bin"},
                       {"LC_ALL", "C.UTF-8"},
                       {"ASAN_OPTIONS", "detect_leaks=0"},
                       {"TSAN_OPTIONS", "suppressions=" ECRYPTFS_TEST_SUPPORT "/foreign_races.txt"},
                       {"UBSAN_OPTIONS", "print_stacktrace=1"}};
    for (const auto& [name, value] : environment) {
        all[name] = value;
    }
    std::vector<std::string> lines;
    for (const auto& [name, value] : all) {
        lines.push_back(name + "=" + value);
    }
    return CStrings(std::move(lines));
}

// In the child: puts its pid where the environment has kOwnPid, which is longer than any number.
void name_own_pid(char* const* environment) {
    for (; *environment != nullptr; ++environment) {
        char* value = std::strchr(*environment, '=') + 1;
        if (std::strcmp(value, kOwnPid) == 0) {
            *std::to_chars(value, value + sizeof(kOwnPid) - 1, ::getpid()).ptr = '\0';
        }
    }
}

[[noreturn]] void execute(const CStrings& arguments, const CStrings& environment,
                          const std::map<int, int>& descriptors) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (const int signal : {SIGPIPE, SIGINT, SIGQUIT, SIGHUP}) {
        ::signal(signal, SIG_DFL);  // a shell may have started the tests with these ignored
    }
    // In the order of the targets, which none of the sources, all above 2, gets overwritten by
    // unless they are more than standard input, output, error and one.
    for (const auto& [target, source] : descriptors) {
        if (source == target) {
            ::fcntl(target, F_SETFD, 0);
        } else {
            ::dup2(source, target);
        }
    }
    name_own_pid(environment.get());
    ::execvpe(arguments.get()[0], arguments.get(), environment.get());
    ::_exit(127);
}

int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void read_both(base::UniqueFd& first, std::string& first_text, base::UniqueFd& second,
               std::string& second_text) {
    while (first || second) {
        auto waiting =
            std::to_array<pollfd>({{.fd = first.get(), .events = POLLIN, .revents = 0},
                                   {.fd = second.get(), .events = POLLIN, .revents = 0}});
        const std::chrono::milliseconds patience = 4 * kPatience;  // add-key may wait for a token
        ASSERT_GT(::poll(waiting.data(), waiting.size(), static_cast<int>(patience.count())), 0)
            << "the program hangs";
        if (waiting[0].revents != 0 && !append_from(first.get(), first_text)) {
            first.reset();
        }
        if (waiting[1].revents != 0 && !append_from(second.get(), second_text)) {
            second.reset();
        }
    }
}

}  // namespace

bool append_from(int fd, std::string& text) {
    std::array<char, 4096> buffer{};
    const auto size = ::read(fd, buffer.data(), buffer.size());
    if (size > 0) {
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return size > 0;
}

Pipe::Pipe() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
}

Process::Process(const Command& command, const std::map<int, int>& descriptors) {
    const auto arguments = arguments_of(command);
    const auto environment = environment_of(command.environment);
    pid_ = ::fork();
    if (pid_ == 0) {
        execute(arguments, environment, descriptors);
    }
    EXPECT_GT(pid_, 0);
    pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    EXPECT_TRUE(pidfd_);
}

Process::~Process() {
    send_signal(SIGKILL);
    wait();
}

void Process::send_signal(int signal) const {
    if (!exit_code_) {
        ::kill(pid_, signal);
    }
}

std::optional<int> Process::wait(std::chrono::milliseconds patience) {
    pollfd waiting{.fd = ended_fd(), .events = POLLIN, .revents = 0};
    int status = 0;
    if (!exit_code_ && ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1 &&
        ::waitpid(pid_, &status, 0) == pid_) {
        exit_code_ = exit_code_of(status);
    }
    return exit_code_;
}

Outcome run(const Command& command, const std::string& input) {
    Pipe in;
    Pipe out;
    Pipe err;
    Process process(command, {{STDIN_FILENO, in.reader.get()},
                              {STDOUT_FILENO, out.writer.get()},
                              {STDERR_FILENO, err.writer.get()}});
    in.reader.reset();
    out.writer.reset();
    err.writer.reset();
    ::signal(SIGPIPE, SIG_IGN);  // a program need not read its input
    static_cast<void>(::write(in.writer.get(), input.data(), input.size()) < 0);
    in.writer.reset();
    Outcome outcome;
    read_both(out.reader, outcome.out, err.reader, outcome.err);
    outcome.exit_code = process.wait().value_or(-1);
    return outcome;
}

}  // namespace ecryptfs::test
