// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// Bytes as JOSE writes them: RFC 4648, section 5, without padding.
std::string to_base64url(ByteView bytes);

}  // namespace ecryptfs::base
