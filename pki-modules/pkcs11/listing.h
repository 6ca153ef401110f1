// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::pkcs11_module {

// Tokens that can decrypt by RSA, and the RSA keys on them that show without a PIN: as a private
// key, public key or certificate. Looks in the libraries that are registered with p11-kit.
base::Result<void> list_tokens(ecryptfs_pki_take_item take, void* context);
base::Result<void> list_keys(ecryptfs_pki_take_item take, void* context);

}  // namespace ecryptfs::pkcs11_module
