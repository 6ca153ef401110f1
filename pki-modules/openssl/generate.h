// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::openssl_module {

// Makes a key and writes it into the PEM file that `where`, a file: URI, names. PKCS#8, encrypted
// with AES-256 and scrypt if there is a secret. Gives the locator.
base::Result<std::string> generate_key(const ecryptfs_pki_new_key& wanted);

}  // namespace ecryptfs::openssl_module
