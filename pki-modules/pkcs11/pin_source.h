// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::pkcs11_module {

// The PIN in the file that a URI's pin-source names, as a path or a file: URI: its first line.
base::Result<base::SecretBytes> read_pin(const std::string& pin_source);

}  // namespace ecryptfs::pkcs11_module
