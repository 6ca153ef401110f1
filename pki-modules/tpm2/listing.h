// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::tpm2_module {

// Lists the default TPM, or its persistent RSA keys that can decrypt. Lists nothing on a machine
// without a TPM.
base::Result<void> list(ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take, void* context);

}  // namespace ecryptfs::tpm2_module
