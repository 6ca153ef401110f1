// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::pkcs11_module {

// Makes an RSA key on a token, which it never leaves, and gives the URI to open it by. It is gone
// again when it turns out that it cannot be used.
base::Result<std::string> generate_key(const ecryptfs_pki_new_key& wanted);

}  // namespace ecryptfs::pkcs11_module
