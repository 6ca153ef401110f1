// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "cli/output/output.h"
#include "lib/base/handle.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kMostSaid = std::size_t{64} << 10;

// By which a program finds others, the user's files and the agent; and for builds with sanitizers.
std::vector<std::string> small_environment() {
    std::vector<std::string> variables;
    for (const char* name :
         {"PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "ASAN_OPTIONS"}) {
        if (const char* value = std::getenv(name)) {
            variables.push_back(fmt::format("{}={}", name, value));
        }
    }
    return variables;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    list.reserve(words.size() + 1);
    for (auto& word : words) {
        list.push_back(word.data());
    }
    list.push_back(nullptr);
    return list;
}

// What posix_spawn() is told. No signal is ignored or blocked, and nothing open but standard error
// and perhaps the input.
class PlainStart {
  public:
    PlainStart(int standard_error, std::optional<int> input) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
        sigset_t all;
        ::sigfillset(&all);
        sigset_t none;
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        ::posix_spawn_file_actions_adddup2(&actions_, standard_error, STDERR_FILENO);
        if (input) {
            ::posix_spawn_file_actions_adddup2(&actions_, *input, STDIN_FILENO);
        } else {
            ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDWR, 0);
        }
        ::posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_RDWR, 0);
        ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    }
    PlainStart(const PlainStart&) = delete;
    PlainStart& operator=(const PlainStart&) = delete;
    ~PlainStart() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    Result<pid_t> start(std::vector<std::string> command) const {
        auto environment = small_environment();
        pid_t pid = 0;
        const int failed = ::posix_spawn(&pid, command.front().c_str(), &actions_, &attributes_,
                                         pointers(command).data(), pointers(environment).data());
        return failed == 0 ? Result<pid_t>(pid)
                           : std::unexpected(base::system_error(
                                 ErrorCode::kInternal, fmt::format("starting {}", command.front()),
                                 failed));
    }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

// Until all of its writers are gone.
std::string read_to_end(int fd) {
    std::string text;
    std::array<char, 4096> part{};
    while (true) {
        const auto size = ::read(fd, part.data(), part.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return text;
        }
        const auto room = kMostSaid - text.size();
        text.append(part.data(), std::min(static_cast<std::size_t>(size), room));
    }
}

ErrorCode code_of_status(int exit_code) {
    const auto table = base::error_table();
    const auto row = std::ranges::find(table, exit_code, &base::ErrorTraits::status);
    return row == table.end() ? ErrorCode::kInternal : row->code;
}

}  // namespace

Result<EndedProgram> run_program(const std::vector<std::string>& command,
                                 std::optional<int> input) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return std::unexpected(base::system_error(ErrorCode::kInternal, "a pipe", errno));
    }
    const base::UniqueFd reader(ends[0]);
    base::UniqueFd writer(ends[1]);
    const auto pid = TRY(PlainStart(writer.get(), input).start(command));
    writer.reset();
    EndedProgram ended{.said = read_to_end(reader.get())};
    while (::waitpid(pid, &ended.status, 0) < 0 && errno == EINTR) {
    }
    return ended;
}

Result<pid_t> start_program(const std::vector<std::string>& command, std::optional<int> input) {
    return PlainStart(STDERR_FILENO, input).start(command);
}

Error program_error(const std::string& name, const EndedProgram& ended) {
    if (WIFSIGNALED(ended.status)) {
        return {ErrorCode::kInternal,
                fmt::format("{} was killed by signal {}", name, WTERMSIG(ended.status)),
                "see the kernel's log for why: journalctl --dmesg"};
    }
    Error error{code_of_status(WEXITSTATUS(ended.status)),
                fmt::format("{} exited with status {}", name, WEXITSTATUS(ended.status))};
    const auto own = name + ": ";
    constexpr std::string_view kAdvice = "try: ";
    std::istringstream lines(ended.said);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(own)) {
            error.message = line.substr(own.size());
        } else if (line.starts_with(kAdvice)) {
            error.advice = line.substr(kAdvice.size());
        } else {
            complain(line);
        }
    }
    return error;
}

}  // namespace ecryptfs::cli
