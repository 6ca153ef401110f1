// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// Lower-case hexadecimal digits, two a byte. Not for secrets: the result is ordinary memory.
std::string to_hex(ByteView bytes);

// Nothing for an odd number of characters or one that is no hexadecimal digit of either case.
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

}  // namespace ecryptfs::base
