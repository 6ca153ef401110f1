// SPDX-License-Identifier: Apache-2.0

#include "cli/output/typed_command.h"

#include "lib/base/shell_word.h"

namespace ecryptfs::cli {
namespace {

std::string& remembered() {
    static std::string line = "ecryptfsctl";
    return line;
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
    remembered() = shell_line(arguments);
}

std::string typed_command() {
    return remembered();
}

}  // namespace ecryptfs::cli
