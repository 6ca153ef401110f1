// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm2_module.h"

#include <cstdlib>
#include <memory>
#include <optional>

#include "pki-modules/common/module_edge.h"
#include "pki-modules/tpm2/generate.h"
#include "pki-modules/tpm2/listing.h"
#include "pki-modules/tpm2/tpm_key.h"

namespace ecryptfs::tpm2_module {
namespace {

using module::at_edge;

// ecryptfs_pki_key is never defined: to the host, an open key is an TpmKey behind that name.
TpmKey& tpm_key(ecryptfs_pki_key* key) {
    return *reinterpret_cast<TpmKey*>(key);
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
        std::optional<base::ByteView> pin;
        if (secret != nullptr) {
            pin = base::ByteView{secret->data, secret->size};
        }
        auto opened = TpmKey::open(locator, pin, use == ECRYPTFS_PKI_USE_PRIVATE);
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
        tpm_key(key).describe(*description);
        return {};
    });
}

ecryptfs_pki_status encrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size, uint8_t* out,
                            size_t* out_size, ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] {
        return store(tpm_key(key).encrypt({in, in_size}, {out, *out_size}), *out_size);
    });
}

ecryptfs_pki_status decrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size, uint8_t* out,
                            size_t* out_size, ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] {
        return store(tpm_key(key).decrypt({in, in_size}, {out, *out_size}), *out_size);
    });
}

void close(ecryptfs_pki_key* key) noexcept {
    const std::unique_ptr<TpmKey> owner(&tpm_key(key));
}

ecryptfs_pki_status list_items(ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take,
                               void* context, ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] { return list(kind, take, context); });
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
    .name = "tpm2",
    .version = ECRYPTFS_VERSION,
    .description = "RSA keys in the TPM 2.0 (tpm2-tss)",
    .open = open,
    .describe = describe,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .close = close,
    .list = list_items,
    .generate = generate,
};

}  // namespace

const ecryptfs_pki_module& module_interface() noexcept {
    // The libraries write to stderr unless they are told otherwise, before their first message. Who
    // looks for a fault may say something else.
    ::setenv("TSS2_LOG", "all+none", 0);
    return kModule;
}

}  // namespace ecryptfs::tpm2_module
