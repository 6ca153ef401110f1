// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/openssl_module.h"

#include <memory>
#include <optional>

#include "pki-modules/common/module_edge.h"
#include "pki-modules/openssl/generate.h"
#include "pki-modules/openssl/rsa_key.h"
#include "pki-modules/openssl/secure_memory.h"

namespace ecryptfs::openssl_module {
namespace {

using module::at_edge;

// ecryptfs_pki_key is never defined: to the host, an open key is an RsaKey behind that name.
RsaKey& rsa_key(ecryptfs_pki_key* key) {
    return *reinterpret_cast<RsaKey*>(key);
}

base::Result<void> store(base::Result<std::size_t> written, std::size_t& out_size) {
    if (!written) {
        return std::unexpected(std::move(written.error()));
    }
    out_size = *written;
    return {};
}

ecryptfs_pki_status open(const char* locator, const ecryptfs_pki_secret* secret,
                         ecryptfs_pki_use use, ecryptfs_pki_key** key,
                         ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&]() -> base::Result<void> {
        std::optional<base::ByteView> passphrase;
        if (secret != nullptr) {
            passphrase = base::ByteView{secret->data, secret->size};
        }
        auto opened = RsaKey::open(locator, passphrase, use == ECRYPTFS_PKI_USE_PRIVATE);
        if (!opened) {
            return std::unexpected(std::move(opened.error()));
        }
        *key = reinterpret_cast<ecryptfs_pki_key*>(opened->release());
        return {};
    });
}

ecryptfs_pki_status describe(ecryptfs_pki_key* key, ecryptfs_pki_description* description,
                             ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&]() -> base::Result<void> {
        rsa_key(key).describe(*description);
        return {};
    });
}

ecryptfs_pki_status encrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size, uint8_t* out,
                            size_t* out_size, ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] {
        return store(rsa_key(key).encrypt({in, in_size}, {out, *out_size}), *out_size);
    });
}

ecryptfs_pki_status decrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size, uint8_t* out,
                            size_t* out_size, ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] {
        return store(rsa_key(key).decrypt({in, in_size}, {out, *out_size}), *out_size);
    });
}

void close(ecryptfs_pki_key* key) noexcept {
    const std::unique_ptr<RsaKey> owner(&rsa_key(key));
}

ecryptfs_pki_status generate(const ecryptfs_pki_new_key* key, char* locator,
                             ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&]() -> base::Result<void> {
        auto made = generate_key(*key);
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        module::put_text({locator, ECRYPTFS_PKI_MAX_LOCATOR}, *made);
        return {};
    });
}

constexpr ecryptfs_pki_module kModule = {
    .abi_version = ECRYPTFS_PKI_ABI_VERSION,
    .max_threads = 0,
    .name = "openssl",
    .version = ECRYPTFS_VERSION,
    .description = "RSA keys in PEM files (OpenSSL)",
    .open = open,
    .describe = describe,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .close = close,
    .list = nullptr,
    .generate = generate,
};

}  // namespace

const ecryptfs_pki_module& module_interface() noexcept {
    set_up_memory();
    return kModule;
}

}  // namespace ecryptfs::openssl_module
