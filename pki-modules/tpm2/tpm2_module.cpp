// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm2_module.h"

#include <malloc.h>

#include <cstdlib>

#include "pki-modules/common/module_functions.h"
#include "pki-modules/tpm2/generate.h"
#include "pki-modules/tpm2/listing.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/tpm_key.h"

namespace ecryptfs::tpm2_module {
namespace {

using AbiKey = module::KeyFunctions<open_key>;

ecryptfs_pki_module the_module = {
    .abi_version = ECRYPTFS_PKI_ABI_VERSION,
    .max_threads = 0,
    .name = "tpm2",
    .version = ECRYPTFS_VERSION,
    .description = "RSA and elliptic-curve keys in the TPM 2.0 (tpm2-tss)",
    .open = AbiKey::open,
    .describe = AbiKey::describe,
    .encrypt = AbiKey::encrypt,
    .decrypt = AbiKey::decrypt,
    .close = AbiKey::close,
    .list = module::list<list>,
    .generate = module::generate<generate_key>,
    .needs = 0,  // as the default TCTI has it
    .decrypt_oaep = AbiKey::decrypt_oaep,
    .derive = AbiKey::derive,
};

}  // namespace

const ecryptfs_pki_module& module_interface() noexcept {
    // The libraries write to stderr, unless this is set before their first message. Whoever
    // searches for a fault may set it differently.
    ::setenv("TSS2_LOG", "all+none", 0);
    // Since version 4 they keep copies of the PIN that we cannot reach, and free them without
    // wiping.
    constexpr int kPattern = 0x5a;
    ::mallopt(M_PERTURB, kPattern);
    the_module.needs = tcti_needs(default_tcti());
    return the_module;
}

}  // namespace ecryptfs::tpm2_module
