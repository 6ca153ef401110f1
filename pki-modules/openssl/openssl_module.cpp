// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/openssl_module.h"

#include "pki-modules/common/module_functions.h"
#include "pki-modules/openssl/generate.h"
#include "pki-modules/openssl/open_key.h"
#include "pki-modules/openssl/secure_memory.h"

namespace ecryptfs::openssl_module {
namespace {

using AbiKey = module::KeyFunctions<open_key>;

constexpr ecryptfs_pki_module kModule = {
    .abi_version = ECRYPTFS_PKI_ABI_VERSION,
    .max_threads = 0,
    .name = "openssl",
    .version = ECRYPTFS_VERSION,
    .description = "RSA and elliptic-curve keys in PEM files (OpenSSL)",
    .open = AbiKey::open,
    .describe = AbiKey::describe,
    .encrypt = AbiKey::encrypt,
    .decrypt = AbiKey::decrypt,
    .close = AbiKey::close,
    .list = nullptr,
    .generate = module::generate<generate_key>,
    .needs = 0,
    .decrypt_oaep = AbiKey::decrypt_oaep,
    .derive = AbiKey::derive,
};

}  // namespace

const ecryptfs_pki_module& module_interface() noexcept {
    set_up_memory();
    return kModule;
}

}  // namespace ecryptfs::openssl_module
