// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>

namespace ecryptfs::base {

// What a key does with a file key: the kernel asks it of the agent, the agent of a host, and the
// host of its module. The numbers are those of the host protocol.
enum class FileKeyOperation : std::uint8_t { kEncrypt = 1, kDecrypt = 2 };

}  // namespace ecryptfs::base
