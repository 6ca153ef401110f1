// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

// Options of every verb.
struct CommonOptions {
    bool quiet = false;
    std::optional<std::string> askpass = {};  // a program; none: the terminal is asked
};

struct CommandLine {
    std::string text;  // what --help or --version prints; then there is nothing to run
    RunVerb run;
    CommonOptions common;
};

// The arguments without the program's name. kInvalidArgument for what cannot be understood; the
// advice is the word that was probably meant.
base::Result<CommandLine> parse_command_line(std::vector<std::string> arguments);

// The whole program, except what must be done before anything else. Gives its exit code.
int run_command_line(std::vector<std::string> arguments);

}  // namespace ecryptfs::cli
