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

// All that a host needs to open a key, as often as it must. The key table shares it with the jobs
// that use it. Once a host has opened the key, the table changes its secret only.
struct Key {
    std::uint64_t id = 0;  // names the key to hosts; never used twice
    wire::PkiType module;
    std::string locator;
    std::optional<base::SecretBytes> secret;
    pki::KeyUse use = pki::KeyUse::kPrivate;
    // The opened key must have it. None while the key is being added.
    std::optional<wire::KeySignature> signature;
};

using KeyRef = std::shared_ptr<const Key>;

}  // namespace ecryptfs::agent
