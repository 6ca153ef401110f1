// SPDX-License-Identifier: Apache-2.0
//
// The functions of the ABI's table, for modules whose keys are objects of a class.

#pragma once

#include <memory>
#include <optional>
#include <string>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_entry.h"
#include "lib/base/try.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/opened_key.h"

namespace ecryptfs::module {

// How the caller of the ABI enters a secret. Views its bytes.
inline base::SecretEntry entered_secret(const ecryptfs_pki_secret* secret) {
    return base::secret_entry(secret == nullptr
                                  ? std::nullopt
                                  : std::optional(base::ByteView{secret->data, secret->size}));
}

// `open_key` takes a locator, a secret entry and whether the private half is wanted, and gives a
// Result with a std::unique_ptr to an OpenedKey. ecryptfs_pki_key is never defined: to the host, an
// open key is an OpenedKey behind that name.
template <auto open_key>
struct KeyFunctions {
    static ecryptfs_pki_status open(const char* locator, const ecryptfs_pki_secret* secret,
                                    ecryptfs_pki_use use, ecryptfs_pki_key** key,
                                    ecryptfs_pki_error* error) noexcept {
        return at_edge(error, [&]() -> base::Result<void> {
            auto opened =
                TRY(open_key(locator, entered_secret(secret), use == ECRYPTFS_PKI_USE_PRIVATE));
            OpenedKey* const released = opened.release();
            *key = reinterpret_cast<ecryptfs_pki_key*>(released);
            return {};
        });
    }

    static ecryptfs_pki_status describe(ecryptfs_pki_key* key,
                                        ecryptfs_pki_description* description,
                                        ecryptfs_pki_error* error) noexcept {
        return at_edge(error, [&]() -> base::Result<void> {
            behind(key).describe(*description);
            return {};
        });
    }

    static ecryptfs_pki_status encrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size,
                                       uint8_t* out, size_t* out_size,
                                       ecryptfs_pki_error* error) noexcept {
        return at_edge(error, [&]() -> base::Result<void> {
            const auto size = TRY(behind(key).encrypt({in, in_size}, {out, *out_size}));
            *out_size = size;
            return {};
        });
    }

    static ecryptfs_pki_status decrypt(ecryptfs_pki_key* key, const uint8_t* in, size_t in_size,
                                       uint8_t* out, size_t* out_size,
                                       ecryptfs_pki_error* error) noexcept {
        return at_edge(error, [&]() -> base::Result<void> {
            OpenedKey& opened = behind(key);
            TRY(check_private_call(opened.has_private_half(), *out_size,
                                   ECRYPTFS_PKI_MAX_FILE_KEY));
            const auto size = TRY(opened.decrypt({in, in_size}, {out, ECRYPTFS_PKI_MAX_FILE_KEY}));
            *out_size = size;
            return {};
        });
    }

    static ecryptfs_pki_status decrypt_oaep(ecryptfs_pki_key* key, ecryptfs_pki_oaep_hash hash,
                                            const uint8_t* in, size_t in_size, uint8_t* out,
                                            size_t* out_size, ecryptfs_pki_error* error) noexcept {
        return at_edge(error, [&]() -> base::Result<void> {
            OpenedKey& opened = behind(key);
            TRY(check_private_call(opened.has_private_half(), *out_size,
                                   ECRYPTFS_PKI_MAX_WRAPPED_KEY));
            const auto size =
                TRY(opened.decrypt_oaep(hash, {in, in_size}, {out, ECRYPTFS_PKI_MAX_WRAPPED_KEY}));
            *out_size = size;
            return {};
        });
    }

    static ecryptfs_pki_status derive(ecryptfs_pki_key* key, const uint8_t* peer, size_t peer_size,
                                      uint8_t* out, size_t* out_size,
                                      ecryptfs_pki_error* error) noexcept {
        return at_edge(error, [&]() -> base::Result<void> {
            OpenedKey& opened = behind(key);
            TRY(check_private_call(opened.has_private_half(), *out_size, ECRYPTFS_PKI_MAX_SHARED));
            const auto size = TRY(opened.derive({peer, peer_size}, {out, ECRYPTFS_PKI_MAX_SHARED}));
            *out_size = size;
            return {};
        });
    }

    static void close(ecryptfs_pki_key* key) noexcept {
        const std::unique_ptr<OpenedKey> owner(&behind(key));
    }

  private:
    static OpenedKey& behind(ecryptfs_pki_key* key) { return *reinterpret_cast<OpenedKey*>(key); }
};

// `make_key` takes the request and gives a Result<std::string>: the new key's locator.
template <auto make_key>
ecryptfs_pki_status generate(const ecryptfs_pki_new_key* wanted, char* locator,
                             ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&]() -> base::Result<void> {
        const auto made = TRY(make_key(*wanted));
        put_text({locator, ECRYPTFS_PKI_MAX_LOCATOR}, made);
        return {};
    });
}

// `list_items` takes the other parameters and gives a Result<void>.
template <auto list_items>
ecryptfs_pki_status list(ecryptfs_pki_item_kind kind, ecryptfs_pki_take_item take, void* context,
                         ecryptfs_pki_error* error) noexcept {
    return at_edge(error, [&] { return list_items(kind, take, context); });
}

}  // namespace ecryptfs::module
