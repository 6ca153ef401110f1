// SPDX-License-Identifier: Apache-2.0
//
// Puts a key's token where mount(2) and the agent find it, and takes it away again.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/keyrings.h"

namespace ecryptfs::cli {

struct TokenPlace {
    Keyring keyring = Keyring::kUser;
    std::optional<std::chrono::seconds> timeout = {};
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
                                       base::ByteView payload);

// Takes a token out of the keyring that it was written to.
base::Result<void> unlink_token(const TokenPlace& place, const WrittenToken& written);

// Unlinks the token from the user and the session keyring; gives those it was in. Nested keyrings
// are not searched. A session keyring that cannot be read counts as empty.
base::Result<std::vector<Keyring>> remove_token(const wire::KeySignature& signature);

}  // namespace ecryptfs::cli
