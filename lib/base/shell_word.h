// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::base {

// A word for a POSIX shell: as it is, or in quotes. For what advice names, as it is typed as it
// stands.
std::string shell_word(std::string_view text);

}  // namespace ecryptfs::base
