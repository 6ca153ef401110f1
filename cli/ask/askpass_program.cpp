// SPDX-License-Identifier: Apache-2.0

#include "cli/ask/askpass_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr int kExecFailed = 127;

struct Pipes {
    base::UniqueFd reader;
    base::UniqueFd writer;
};

Result<Pipes> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return std::unexpected(base::system_error(ErrorCode::kInternal, "a pipe", errno));
    }
    return Pipes{base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

[[noreturn]] void become(const std::vector<std::string>& command, int in, int out) {
    std::vector<char*> arguments;
    std::ranges::transform(command, std::back_inserter(arguments), [](const std::string& word) {
        return const_cast<char*>(word.c_str());  // as execvp() has it
    });
    arguments.push_back(nullptr);
    if (::dup2(in, STDIN_FILENO) >= 0 && ::dup2(out, STDOUT_FILENO) >= 0) {
        ::execvp(arguments.front(), arguments.data());
    }
    ::_exit(kExecFailed);
}

// A program that writes more than one line is not to fail for that.
void drain(int fd) {
    std::array<char, 256> rest{};
    while (::read(fd, rest.data(), rest.size()) > 0) {
    }
    ::explicit_bzero(rest.data(), rest.size());
}

}  // namespace

Result<AskpassProgram> AskpassProgram::start(const std::vector<std::string>& command,
                                             bool listens) {
    auto to = make_pipe();
    auto from = make_pipe();
    if (!to || !from) {
        return std::unexpected(to ? from.error() : to.error());
    }
    const pid_t pid = ::fork();
    if (pid < 0) {
        return std::unexpected(base::system_error(
            ErrorCode::kInternal, fmt::format("starting {}", command.front()), errno));
    }
    if (pid == 0) {
        become(command, listens ? to->reader.get() : STDIN_FILENO, from->writer.get());
    }
    // One that ends early is no reason for us to.
    ::signal(SIGPIPE, SIG_IGN);
    return AskpassProgram(command.front(), pid, std::move(to->writer), std::move(from->reader));
}

AskpassProgram::AskpassProgram(AskpassProgram&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, -1)),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)) {}

AskpassProgram::~AskpassProgram() {
    static_cast<void>(finish());
}

Result<void> AskpassProgram::finish() {
    in_.reset();
    drain(out_.get());
    out_.reset();
    int status = 0;
    const pid_t pid = std::exchange(pid_, -1);
    if (pid < 0) {
        return {};
    }
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return {};
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == kExecFailed) {
        return std::unexpected(Error{ErrorCode::kNotFound, fmt::format("{} cannot be run", name_),
                                     "give --askpass a program that is installed"});
    }
    return std::unexpected(
        Error{ErrorCode::kCancelled, fmt::format("{} gave no answer", name_), ""});
}

}  // namespace ecryptfs::cli
