// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "ecryptfs_pki_module.h"

namespace ecryptfs::openssl_module {

// The module as the ABI wants it. The first call sets up OpenSSL's memory, so it must come before
// any other use of OpenSSL in the process.
const ecryptfs_pki_module& module_interface() noexcept;

}  // namespace ecryptfs::openssl_module
