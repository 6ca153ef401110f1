// SPDX-License-Identifier: Apache-2.0

#include "ecryptfs_pki_module.h"
#include "pki-modules/openssl/openssl_module.h"

extern "C" __attribute__((visibility("default"))) const ecryptfs_pki_module*
ecryptfs_pki_get_module(void) {
    return &ecryptfs::openssl_module::module_interface();
}
