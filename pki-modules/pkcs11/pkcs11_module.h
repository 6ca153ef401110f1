// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "ecryptfs_pki_module.h"

namespace ecryptfs::pkcs11_module {

// The module as the ABI wants it.
const ecryptfs_pki_module& module_interface() noexcept;

}  // namespace ecryptfs::pkcs11_module
