// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/pkcs11_module.h"

#include <stdlib.h>

#include "pki-modules/common/module_functions.h"
#include "pki-modules/pkcs11/generation.h"
#include "pki-modules/pkcs11/listing.h"
#include "pki-modules/pkcs11/open_key.h"

namespace ecryptfs::pkcs11_module {
namespace {

base::Result<void> list_items(ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take,
                              void* context) {
    return kind == ECRYPTFS_PKI_TOKENS ? list_tokens(take, context) : list_keys(take, context);
}

using AbiKey = module::KeyFunctions<open_key>;

constexpr ecryptfs_pki_module kModule = {
    .abi_version = ECRYPTFS_PKI_ABI_VERSION,
    .max_threads = 0,
    .name = "pkcs11",
    .version = ECRYPTFS_VERSION,
    .description = "RSA and elliptic-curve keys on smart cards and HSMs (PKCS#11)",
    .open = AbiKey::open,
    .describe = AbiKey::describe,
    .encrypt = AbiKey::encrypt,
    .decrypt = AbiKey::decrypt,
    .close = AbiKey::close,
    .list = module::list<list_items>,
    .generate = module::generate<generate_key>,
    // A library is a vendor's: it talks to pcscd, USB or the network, and keeps files of its own;
    // p11-kit reaches tokens of other machines by ssh.
    .needs = ECRYPTFS_PKI_NEEDS_NETWORK | ECRYPTFS_PKI_NEEDS_LOCAL_SERVICES |
             ECRYPTFS_PKI_NEEDS_DEVICES | ECRYPTFS_PKI_NEEDS_FILES | ECRYPTFS_PKI_NEEDS_PROGRAMS,
    .decrypt_oaep = AbiKey::decrypt_oaep,
    .derive = AbiKey::derive,
};

}  // namespace

// Not the libraries that this user has registered with p11-kit: any process of the user can do
// that, and their code would run where the PINs for all registered ones are. Named by a path, each
// has a host of its own.
const ecryptfs_pki_module& module_interface() noexcept {
    ::setenv("P11_KIT_NO_USER_CONFIG", "1", 1);  // while there are no other threads
    return kModule;
}

}  // namespace ecryptfs::pkcs11_module
