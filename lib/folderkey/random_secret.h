// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::folderkey {

// Random bytes that stay secret, by OpenSSL's generator for those.
base::Result<base::SecretBytes> random_secret(std::size_t size);

}  // namespace ecryptfs::folderkey
