// SPDX-License-Identifier: Apache-2.0
//
// Child processes, as any user of the guest. The tests have one thread, so that a child may do
// anything after fork().

#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::vm {

struct User {
    std::string name;
    uid_t id;

    std::string home() const { return name == "root" ? "/root" : "/home/" + name; }
    std::string runtime_folder() const { return "/run/user/" + std::to_string(id); }
};

// tests/vm/guest-init makes them.
const User& alice();
const User& bob();

using Arguments = std::vector<std::string>;

// What a child is before it runs.
struct ChildSetup {
    User user;
    // Done as the user, in the child.
    std::function<void()> prepare = [] {};
    bool may_be_root_again = false;
    int in = -1;  // -1: /dev/null
    int out = -1;
    int err = -1;
};

// A child of this process; killed when this object goes.
class Process {
  public:
    Process(const ChildSetup& setup, const std::function<int()>& body);
    Process(const ChildSetup& setup, const Arguments& command);
    Process(Process&& other) noexcept;
    Process& operator=(Process&&) = delete;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    pid_t pid() const { return pid_; }
    // 128 + signal for one that a signal ended. A child that hangs is killed, and fails the test.
    int wait();

  private:
    pid_t pid_;
    base::UniqueFd pidfd_;
    std::optional<int> exit_code_;
};

// Where children wait until all may begin.
class StartLine {
  public:
    StartLine();
    // In a child.
    void wait();
    void go() { hold_.reset(); }

  private:
    base::UniqueFd begin_;  // readable when no process holds the other end
    base::UniqueFd hold_;
};

struct Outcome {
    int exit_code = -1;
    std::string out;
    std::string err;
};

Outcome run(ChildSetup setup, const Arguments& command, const std::string& input = "");

// For a child that is to be root again, once it has the user's keyrings. Only there.
void become_root_again();

// Runs `body` in a child. Its result must be 0 to 255: an errno, say.
int run_as(const User& user, const std::function<int()>& body);

// A file in memory, for what a child prints or is to read.
base::UniqueFd memory_file(const std::string& content = "");
std::string content_of(int fd);

// Processes of the user that run this program, children of ours or not. Those that have ended and
// are yet to be reaped do not count.
std::vector<pid_t> find_processes(const User& user, const std::string& program);
// Sends the signal and waits for the end; a process that does not end is killed, and fails the
// test.
void end_process(pid_t pid, int signal);

}  // namespace ecryptfs::vm
