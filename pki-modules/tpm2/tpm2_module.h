// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "ecryptfs_pki_module.h"

namespace ecryptfs::tpm2_module {

// The module as the ABI wants it. The first call tells the TPM libraries not to write to stderr.
const ecryptfs_pki_module& module_interface() noexcept;

}  // namespace ecryptfs::tpm2_module
