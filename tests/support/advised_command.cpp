// SPDX-License-Identifier: Apache-2.0

#include "tests/support/advised_command.h"

namespace ecryptfs::test {

std::string command_in(const std::string& advice) {
    const auto colon = advice.find(": ");
    const auto command = colon == std::string::npos ? advice : advice.substr(colon + 2);
    bool quoted = false;
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (!quoted && command[i] == '\\') {
            ++i;
        } else if (command[i] == '\'') {
            quoted = !quoted;
        } else if (!quoted && (command[i] == ';' || command.substr(i).starts_with(", "))) {
            return command.substr(0, i);
        }
    }
    return command;
}

}  // namespace ecryptfs::test
