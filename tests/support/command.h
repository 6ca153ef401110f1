// SPDX-License-Identifier: Apache-2.0
//
// Programs that a test runs. They see nothing of the test's environment.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/handle.h"
#include "tests/support/wait.h"

namespace ecryptfs::test {

using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

// As a value in an environment: the number of the process itself.
inline constexpr char kOwnPid[] = "<own pid>";

struct Command {
    std::string program;
    Arguments arguments = {};
    Environment environment = {};
};

struct Outcome {
    int exit_code = -1;  // 128 + signal for a program that one ended
    std::string out;
    std::string err;
};

// A program while it runs. Ended by a signal that it cannot refuse with this object or the test.
class Process {
  public:
    // `descriptors`: what the program has by which number; borrowed until this returns.
    Process(const Command& command, const std::map<int, int>& descriptors);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    pid_t pid() const { return pid_; }
    // Readable when it has ended.
    int ended_fd() const { return pidfd_.get(); }
    void send_signal(int signal) const;
    // Its exit code as in Outcome; nothing if it still runs after that long.
    std::optional<int> wait(std::chrono::milliseconds patience = kPatience);

  private:
    pid_t pid_ = -1;
    base::UniqueFd pidfd_;
    std::optional<int> exit_code_;
};

// Runs a program to its end, with `input` on its standard input.
Outcome run(const Command& command, const std::string& input = "");

// Appends what can be read now; false at the end.
bool append_from(int fd, std::string& text);

// Both ends of a pipe, closed when a program is started.
struct Pipe {
    base::UniqueFd reader;
    base::UniqueFd writer;
    Pipe();
};

}  // namespace ecryptfs::test
