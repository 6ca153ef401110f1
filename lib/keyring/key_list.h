// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of keys, for the files of this folder.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/keyring/key_serial.h"

namespace ecryptfs::keyring {

// `error_number` is a system call's errno. kQuotaExceeded, and what base::system_error() gives.
base::Error keyring_error(std::string_view what, int error_number);

// The keys directly in a keyring.
base::Result<std::vector<KeySerial>> keys_in_keyring(KeySerial keyring);

struct DescribedKey {
    std::string type;
    uid_t owner = 0;
    std::uint32_t permissions = 0;  // keyutils.h: KEY_POS_VIEW and so on
    std::string description;
};

// Of a living key; else errno. EIO for a description of another form.
std::expected<DescribedKey, int> describe_key(KeySerial key);

}  // namespace ecryptfs::keyring
