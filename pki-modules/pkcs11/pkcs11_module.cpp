// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/pkcs11_module.h"

#include <memory>
#include <optional>

#include "pki-modules/common/module_edge.h"
#include "pki-modules/pkcs11/generation.h"
#include "pki-modules/pkcs11/listing.h"
#include "pki-modules/pkcs11/token_key.h"

namespace ecryptfs::pkcs11_module {
namespace {

using module::at_edge;

// ecryptfs_pki_key is never defined: to the host, an open key is a TokenKey behind that name.
TokenKey& token_key(ecryptfs_pki_key* key) {
    return *reinterpret_cast<TokenKey*>(key);
}

std::optional<base::ByteView> pin_in(const ecryptfs_pki_secret* secret) {
    if (secret == nullptr) {
        return std::nullopt;
    }
    return base::ByteView{secret->data, secret->size};
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
        auto opened = TokenKey::open(locator, pin_in(secret), use == ECRYPTFS_PKI_USE_PRIVATE);
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
        token_key(key).describe(*description);
        return {};
    });
}

ecryptfs_pki_status encrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size, uint8_t* out,
                            size_t* out_size, ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] {
        return store(token_key(key).encrypt({in, in_size}, {out, *out_size}), *out_size);
    });
}

ecryptfs_pki_status decrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size, uint8_t* out,
                            size_t* out_size, ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] {
        return store(token_key(key).decrypt({in, in_size}, {out, *out_size}), *out_size);
    });
}

void close(ecryptfs_pki_key* key) noexcept {
    const std::unique_ptr<TokenKey> owner(&token_key(key));
}

ecryptfs_pki_status list(ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take, void* context,
                         ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&]() -> base::Result<void> {
        return kind == ECRYPTFS_PKI_TOKENS ? list_tokens(take, context) : list_keys(take, context);
    });
}

ecryptfs_pki_status generate(const ecryptfs_pki_new_key* key, char* locator,
                             ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&]() -> base::Result<void> {
        const auto uri = generate_key(*key);
        if (!uri) {
            return std::unexpected(uri.error());
        }
        module::put_text({locator, ECRYPTFS_PKI_MAX_LOCATOR}, *uri);
        return {};
    });
}

constexpr ecryptfs_pki_module kModule = {
    .abi_version = ECRYPTFS_PKI_ABI_VERSION,
    .max_threads = 0,
    .name = "pkcs11",
    .version = ECRYPTFS_VERSION,
    .description = "RSA keys on smart cards and HSMs (PKCS#11)",
    .open = open,
    .describe = describe,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .close = close,
    .list = list,
    .generate = generate,
};

}  // namespace

const ecryptfs_pki_module& module_interface() noexcept {
    return kModule;
}

}  // namespace ecryptfs::pkcs11_module
