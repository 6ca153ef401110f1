// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::pkcs11_module {

// Makes an RSA key on a token, which the private half never leaves. Gives the URI that opens it. A
// key that proves unusable is destroyed.
base::Result<std::string> generate_key(const ecryptfs_pki_new_key& wanted);

}  // namespace ecryptfs::pkcs11_module
