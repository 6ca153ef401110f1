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
#include "pki-modules/common/wrapped_number.h"

namespace ecryptfs::module {

// How the caller of the ABI enters a secret. Views its bytes.
inline base::SecretEntry entered_secret(const ecryptfs_pki_secret* secret) {
    return base::secret_entry(secret == nullptr
                                  ? std::nullopt
                                  : std::optional(base::ByteView{secret->data, secret->size}));
}

// `Key` has a static open(locator, secret entry, with_private_half), which gives a
// Result<std::unique_ptr<Key>>, and modulus_size(), has_private_half(), describe(), encrypt() and
// decrypt(). decrypt() is called only with a private half, a number as long as the modulus, and
// room for ECRYPTFS_PKI_MAX_FILE_KEY bytes. ecryptfs_pki_key is never defined: to the host, an open
// key is a Key behind that name.
template <typename Key>
struct KeyFunctions {
    static ecryptfs_pki_status open(const char* locator, const ecryptfs_pki_secret* secret,
                                    ecryptfs_pki_use use, ecryptfs_pki_key** key,
                                    ecryptfs_pki_error* error) noexcept {
        return at_edge(error, [&]() -> base::Result<void> {
            auto opened =
                TRY(Key::open(locator, entered_secret(secret), use == ECRYPTFS_PKI_USE_PRIVATE));
            *key = reinterpret_cast<ecryptfs_pki_key*>(opened.release());
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
            Key& opened = behind(key);
            TRY(check_decrypt_call(opened.has_private_half(), *out_size));
            const auto number = TRY(WrappedNumber::pad({in, in_size}, opened.modulus_size()));
            const auto size = TRY(opened.decrypt(number.view(), {out, ECRYPTFS_PKI_MAX_FILE_KEY}));
            *out_size = size;
            return {};
        });
    }

    static void close(ecryptfs_pki_key* key) noexcept {
        const std::unique_ptr<Key> owner(&behind(key));
    }

  private:
    static Key& behind(ecryptfs_pki_key* key) { return *reinterpret_cast<Key*>(key); }
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
