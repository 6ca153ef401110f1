// SPDX-License-Identifier: Apache-2.0

#include "ecryptfs_pki_module.h"
#include "pki-modules/tpm2/tpm2_module.h"

extern "C" __attribute__((visibility("default"))) const ecryptfs_pki_module*
ecryptfs_pki_get_module(void) {
    return &ecryptfs::tpm2_module::module_interface();
}
