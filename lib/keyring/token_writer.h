// SPDX-License-Identifier: Apache-2.0
//
// Puts a key's token where mount(2) and the agent find it, and takes it away again.

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

// Who reads a token beside the kernel, which asks for no permission of the user class: it finds
// keys that the mounting process possesses.
enum class TokenReader : std::uint8_t {
    kKernel,  // a passphrase's, which opens files by itself: nobody who does not possess it
    kAgent,   // a private key's: the agent of the same user, whose session is another
};

struct WrittenToken {
    KeySerial serial;
    bool was_there = false;                  // replaced a token of the same signature
    std::vector<std::string> warnings = {};  // one line each, for the user
};

// Writes the token; one that is there already is replaced. In the user keyring it is also made
// reachable from this session, as far as that can be: if not, there is a warning. All or nothing:
// on an error a new token is taken out again.
base::Result<WrittenToken> write_token(const TokenPlace& place, const wire::KeySignature& signature,
                                       base::ByteView payload,
                                       TokenReader reader = TokenReader::kKernel);

// Takes a token out of the keyring that it was written to.
base::Result<void> unlink_token(const TokenPlace& place, const WrittenToken& written);

// Unlinks the token from the user and the session keyring; gives those it was in. Nested keyrings
// are not searched. A session keyring that cannot be read counts as empty.
base::Result<std::vector<Keyring>> remove_token(const wire::KeySignature& signature);

}  // namespace ecryptfs::keyring
