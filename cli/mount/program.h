// SPDX-License-Identifier: Apache-2.0
//
// Programs that mount and unmount in user space. They have nothing of ours but a few variables of
// the environment, standard error, and what they are to read.

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::cli {

struct EndedProgram {
    int status = 0;         // waitpid()'s
    std::string said = {};  // on standard error; the first 64 KiB of it
};

// Runs a program, given by its path, until it has ended. One that goes on in the background must
// have let standard error go. `input` becomes its standard input, which else is /dev/null.
// kInternal if it cannot be started.
base::Result<EndedProgram> run_program(const std::vector<std::string>& command,
                                       std::optional<int> input = {});

// Starts one that writes to our standard error itself. The caller waits for it.
base::Result<pid_t> start_program(const std::vector<std::string>& command,
                                  std::optional<int> input = {});

// Why a program failed: its own "NAME: MESSAGE" and "try: ADVICE", and the error of its exit code.
// Other lines that it wrote go to standard error.
base::Error program_error(const std::string& name, const EndedProgram& ended);

}  // namespace ecryptfs::cli
