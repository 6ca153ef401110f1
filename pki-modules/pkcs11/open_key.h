// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_entry.h"
#include "pki-modules/common/opened_key.h"
#include "pki-modules/pkcs11/key_uri.h"
#include "pki-modules/pkcs11/objects.h"
#include "pki-modules/pkcs11/token.h"
#include "pki-modules/pkcs11/token_private_key.h"

namespace ecryptfs::pkcs11_module {

// A key as it was found on its token, before its first use.
struct FoundKey {
    Token& token;
    KeyUri uri;                                    // what it was found by
    PublicHalf half;                               // its numbers, and the name that they have
    std::unique_ptr<TokenPrivateKey> private_key;  // null when opened for encrypt() alone
    std::string warning;
};

// "the key on token "a"": for messages.
std::string key_text(const Token& token);

// The URI that opens the key from now on. It holds the mechanism.
base::Result<std::string> precise_locator(const FoundKey& key, Mechanism mechanism);

// Without `with_private_half` no PIN is needed, if the token shows the public half to anybody.
base::Result<std::unique_ptr<module::OpenedKey>> open_key(std::string_view uri,
                                                          const base::SecretEntry& pin,
                                                          bool with_private_half);

}  // namespace ecryptfs::pkcs11_module
