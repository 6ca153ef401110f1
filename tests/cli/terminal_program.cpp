// SPDX-License-Identifier: Apache-2.0

#include "tests/cli/terminal_program.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace ecryptfs::test {
namespace {

constexpr int kPatienceMsec = static_cast<int>(std::chrono::milliseconds(kPatience).count());

// argv or envp; borrows the strings.
std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (auto& string : strings) {
        result.push_back(string.data());
    }
    result.push_back(nullptr);
    return result;
}

// The program as a job in the foreground of the terminal, like a shell's.
[[noreturn]] void run_job(char* const* arguments, char* const* environment) {
    ::setpgid(0, 0);
    ::tcsetpgrp(STDIN_FILENO, ::getpid());
    ::signal(SIGTTOU, SIG_DFL);
    ::execve(arguments[0], arguments, environment);
    ::_exit(127);
}

// Tells of the job: its number, and then each change of its state.
[[noreturn]] void run_shell(char* const* arguments, char* const* environment, int changes) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    ::signal(SIGTTOU, SIG_IGN);
    const pid_t job = ::fork();
    if (job == 0) {
        run_job(arguments, environment);
    }
    static_cast<void>(::write(changes, &job, sizeof(job)) < 0);
    int status = 0;
    while (::waitpid(job, &status, WUNTRACED) == job) {
        static_cast<void>(::write(changes, &status, sizeof(status)) < 0);
        if (!WIFSTOPPED(status)) {
            break;
        }
    }
    ::pause();  // keeps the terminal, to be looked at
    ::_exit(0);
}

}  // namespace

TerminalProgram::TerminalProgram(const Command& command) {
    std::vector<std::string> arguments = {command.program};
    arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
    // The leak sanitizer traces its process, which forbid_dumps() forbids.
    std::vector<std::string> environment = {"LC_ALL=C.UTF-8", "ASAN_OPTIONS=detect_leaks=0"};
    for (const auto& [name, value] : command.environment) {
        environment.push_back(fmt::format("{}={}", name, value));
    }
    const auto argv = pointers(arguments);
    const auto envp = pointers(environment);
    Pipe changes;
    int terminal = -1;
    shell_ = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    if (shell_ == 0) {
        run_shell(argv.data(), envp.data(), changes.writer.get());
    }
    changes.writer.reset();
    terminal_.reset(terminal);
    changes_ = std::move(changes.reader);
    EXPECT_EQ(::read(changes_.get(), &job_, sizeof(job_)), static_cast<ssize_t>(sizeof(job_)));
}

TerminalProgram::~TerminalProgram() {
    ::kill(shell_, SIGKILL);
    ::waitpid(shell_, nullptr, 0);
}

void TerminalProgram::type(const std::string& keys) const {
    EXPECT_EQ(::write(terminal_.get(), keys.data(), keys.size()),
              static_cast<ssize_t>(keys.size()));
}

// False when the program has ended or stopped and the terminal has shown all.
bool TerminalProgram::read_some() {
    auto waiting = std::to_array<pollfd>({{.fd = terminal_.get(), .events = POLLIN, .revents = 0},
                                          {.fd = changes_.get(), .events = POLLIN, .revents = 0}});
    return ::poll(waiting.data(), waiting.size(), kPatienceMsec) > 0 && waiting[0].revents != 0 &&
           append_from(terminal_.get(), shown_);
}

std::string TerminalProgram::wait_for(const std::string& text) {
    std::size_t found = shown_.find(text, seen_);
    while (found == std::string::npos) {
        if (!read_some()) {
            ADD_FAILURE() << "the terminal shows no \"" << text << "\" but: " << shown_;
            return shown_;
        }
        found = shown_.find(text, seen_);
    }
    seen_ = found + text.size();
    return shown_;
}

int TerminalProgram::wait_for_change() {
    int status = -1;
    pollfd waiting{.fd = changes_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, kPatienceMsec) <= 0 ||
        ::read(changes_.get(), &status, sizeof(status)) != sizeof(status)) {
        ADD_FAILURE() << "the program neither ends nor stops; it shows: " << shown_;
    }
    // What it wrote before is there now.
    pollfd shown{.fd = terminal_.get(), .events = POLLIN, .revents = 0};
    while (::poll(&shown, 1, 0) > 0 && append_from(terminal_.get(), shown_)) {
    }
    return status;
}

void TerminalProgram::send_signal(int signal) const {
    EXPECT_EQ(::kill(job_, signal), 0);
}

bool TerminalProgram::echoes() const {
    termios settings{};
    EXPECT_EQ(::tcgetattr(terminal_.get(), &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
}

}  // namespace ecryptfs::test
