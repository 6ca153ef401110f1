// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <span>
#include <string>

namespace ecryptfs::cli {

// "ecryptfsctl WORD…", quoted for a shell.
std::string shell_line(std::span<const std::string> arguments);

// The command line of this process, so that advice can repeat it with what it lacks.
void remember_typed_command(std::span<const std::string> arguments);
std::string typed_command();
// The same with an option behind the verb. The option is already quoted for a shell.
std::string extended_command(const std::string& option);

}  // namespace ecryptfs::cli
