// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/verbs/verbs.h"

namespace ecryptfs::cli {

// Asked for with --help or --version.
struct ShowText {
    std::string text;
};

base::Result<void> run(const ShowText& command);

using Command = std::variant<ShowText, AddKey, GenerateKey, ListTokens, ListKeys, RemoveKey, Lock,
                             Unlock, Status, Doctor, AddPassphrase, WrapPassphrase,
                             UnwrapPassphrase, RewrapPassphrase, Inspect, Decrypt, Mount, Unmount>;

// What all verbs may be told.
struct CommonOptions {
    bool quiet = false;
    std::string askpass = {};                         // a program; empty: the terminal is asked
    std::vector<std::string> allowed_libraries = {};  // of those verbs that may open keys
};

struct CommandLine {
    Command command;
    CommonOptions common;
};

// The arguments without the program's name. kInvalidArgument for what cannot be understood, with
// the word that was probably meant as advice.
base::Result<CommandLine> parse_command_line(std::vector<std::string> arguments);

// The whole program but for what must be done before anything else; gives its exit code.
int run_command_line(std::vector<std::string> arguments);

}  // namespace ecryptfs::cli
