// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// Bytes as JOSE writes them: RFC 4648, section 5, without padding.
std::string to_base64url(ByteView bytes);

// Nothing for what to_base64url() would not have written: padding, blanks, other letters, bits that
// are left over. Not for secrets: the result is ordinary memory.
std::optional<std::vector<std::uint8_t>> from_base64url(std::string_view text);

}  // namespace ecryptfs::base
