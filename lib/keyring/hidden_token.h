// SPDX-License-Identifier: Apache-2.0
//
// Tokens of folder keys, in the user keyring. Whoever may find a key of type "user" may read it
// too, whatever its permissions say (security/keys/keyctl.c: keyctl_read_key), and mount(2) must
// find it. So these are of the kernel's type "encrypted", in eCryptfs' format: the kernel decrypts
// the payload when it is loaded, and gives it out encrypted again, by a master key that it looks
// for by its name. Ours is gone by then, and its name is a secret that nobody keeps.

#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/key_serial.h"
#include "lib/keyring/keyrings.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::keyring {

// What the kernel is given to load. lib/folderkey/kernel_token.h makes it.
struct HiddenToken {
    wire::KeySignature signature;
    base::SecretBytes master_name;  // of a key of type "user"; ends with a zero byte
    base::SecretBytes master_key;   // encrypts the FEKEK
    base::SecretBytes command;      // "load ecryptfs user:NAME 64 …"
};

// Puts the token into the user keyring, for the kernel to find and for nobody to read or change. It
// takes the place of one with this signature. kNotSupported for a kernel without this type of keys,
// kQuotaExceeded, kInternal where the session keyring cannot reach the user keyring.
base::Result<KeySerial> load_hidden_token(const HiddenToken& token,
                                          std::optional<std::chrono::seconds> timeout = {});

// The living ones in the user keyring.
std::vector<NamedToken> hidden_tokens();

// Has the kernel drop it, also from mounts that use it: they open no file any more. Gives whether
// there was one. Needs no other right than to find it.
bool drop_hidden_token(const wire::KeySignature& signature);
// Gives the signatures of those that there were.
std::vector<wire::KeySignature> drop_hidden_tokens();

}  // namespace ecryptfs::keyring
