// SPDX-License-Identifier: Apache-2.0
//
// Puts a key's token where mount(2) and the agent find it, and removes it.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/keyring/keyrings.h"

namespace ecryptfs::keyring {

struct TokenPlace {
    Keyring keyring = Keyring::kUser;
    std::optional<std::chrono::seconds> timeout = {};
};

// Who else reads a token. The kernel always can: it finds keys that the mounting process possesses,
// and needs no permission of the user class.
enum class TokenReader : std::uint8_t {
    kKernel,  // only possessors: a passphrase's token, which opens files by itself
    kAgent,   // also the user's agent, which is in another session: a private key's token
};

struct WrittenToken {
    KeySerial serial;
    bool replaced_old = false;               // there was a token of the same signature
    std::vector<std::string> warnings = {};  // one line each, for the user
};

// Writes the token, and replaces an old one. For a token in the user keyring it also links that
// keyring into the session; where this fails, there is a warning. All or nothing: on an error a new
// token is unlinked again.
base::Result<WrittenToken> write_token(const TokenPlace& place, const wire::KeySignature& signature,
                                       base::ByteView payload,
                                       TokenReader reader = TokenReader::kKernel);

// Unlinks a token from the keyring that it was written to.
base::Result<void> unlink_token(const TokenPlace& place, const WrittenToken& written);

// Unlinks the token from the user and the session keyring, and gives the keyrings that had it. Does
// not search nested keyrings. A session keyring that cannot be read counts as empty.
base::Result<std::vector<Keyring>> remove_token(const wire::KeySignature& signature);

}  // namespace ecryptfs::keyring
