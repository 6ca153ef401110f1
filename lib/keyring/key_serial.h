// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <compare>
#include <cstdint>

namespace ecryptfs::keyring {

// A kernel key's number, also a keyring's. No key has the number 0.
struct KeySerial {
    std::int32_t value = 0;
    auto operator<=>(const KeySerial&) const = default;
};

}  // namespace ecryptfs::keyring
