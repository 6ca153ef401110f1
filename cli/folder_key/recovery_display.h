// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

// Shows a new recovery key on the terminal of standard error, as text and as a QR code, and has the
// user type it once. kSecretRequired without such a terminal, kInvalidArgument for another text.
base::Result<void> present_recovery_key(const base::SecretBytes& key);

}  // namespace ecryptfs::cli
