// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lib/base/secret_bytes.h"
#include "lib/pki/host_protocol.h"
#include "lib/wire/auth_token.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// All that a host needs to open a key, again and again if it must. Once it was opened, only a newer
// secret may take the place of its own; shared by the key table and the jobs that use it. `id` is
// what hosts know it by, never used twice.
struct Key {
    std::uint64_t id = 0;
    wire::PkiType module;
    std::string locator;
    std::optional<base::SecretBytes> secret;
    pki::KeyUse use = pki::KeyUse::kPrivate;
    // What the opened key must turn out to be; nothing while it is being added.
    std::optional<wire::KeySignature> signature;
};

using KeyRef = std::shared_ptr<const Key>;

}  // namespace ecryptfs::agent
