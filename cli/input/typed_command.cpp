// SPDX-License-Identifier: Apache-2.0

#include "cli/input/typed_command.h"

#include <algorithm>
#include <vector>

#include "lib/base/shell_word.h"

namespace ecryptfs::cli {
namespace {

std::vector<std::string>& remembered() {
    static std::vector<std::string> arguments;
    return arguments;
}

}  // namespace

std::string shell_line(std::span<const std::string> arguments) {
    std::string line = "ecryptfsctl";
    for (const auto& argument : arguments) {
        line += " " + base::shell_word(argument);
    }
    return line;
}

void remember_typed_command(std::span<const std::string> arguments) {
    remembered().assign(arguments.begin(), arguments.end());
}

std::string typed_command() {
    return shell_line(remembered());
}

std::string extended_command(const std::string& option) {
    const std::span<const std::string> arguments = remembered();
    const auto verb = arguments.first(std::min<std::size_t>(arguments.size(), 1));
    // shell_line() begins with the program's name, which the second half has no need of.
    const auto rest = shell_line(arguments.subspan(verb.size())).substr(shell_line({}).size());
    return shell_line(verb) + " " + option + rest;
}

}  // namespace ecryptfs::cli
