// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/handle.h"
#include "tests/support/command.h"

namespace ecryptfs::test {

// A program as a shell's job on a terminal of its own.
class TerminalProgram {
  public:
    explicit TerminalProgram(const Command& command);
    TerminalProgram(const TerminalProgram&) = delete;
    TerminalProgram& operator=(const TerminalProgram&) = delete;
    ~TerminalProgram();

    void type(const std::string& keys) const;
    // Waits until the terminal has shown `text` since the last such call; all it has shown then.
    // Fails the test when the program ends first.
    std::string wait_for(const std::string& text);
    // Waits until the program has ended or stopped, as waitpid() with WUNTRACED says it.
    int wait_for_change();
    void send_signal(int signal) const;
    bool echoes() const;
    const std::string& shown() const { return shown_; }

  private:
    bool read_some();

    pid_t shell_ = -1;
    pid_t job_ = -1;
    base::UniqueFd terminal_;
    base::UniqueFd changes_;
    std::string shown_;
    std::size_t seen_ = 0;
};

}  // namespace ecryptfs::test
