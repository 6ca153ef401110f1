// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::base {

// A word for a POSIX shell, in quotes if it needs them. Advice uses it: people paste its commands.
std::string shell_word(std::string_view text);

}  // namespace ecryptfs::base
