// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstring>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// Whether all bytes are zero, as in a hole.
inline bool is_zero(ByteView bytes) {
    return bytes.empty() || (bytes.front() == 0 &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace ecryptfs::base
