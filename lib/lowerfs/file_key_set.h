// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header.h"
#include "lib/lower/passphrase.h"
#include "lib/lowerfs/private_keys.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lowerfs {

// Gives the 64 bytes of a FEKEK or FNEK from elsewhere, such as a keyring; empty if there is none.
using PassphraseKeyLookup = std::function<base::SecretBytes(const wire::KeySignature&)>;

// The keys with which lower files and their names are opened in user space. Asks nobody and prints
// nothing. One call at a time.
class FileKeySet {
  public:
    // Borrows the private keys; null: there are none. `look_up` is asked once for each passphrase
    // key that was not added; empty: there is nothing to ask.
    explicit FileKeySet(PrivateKeys* private_keys, PassphraseKeyLookup look_up = {})
        : private_keys_(private_keys), look_up_(std::move(look_up)) {}

    void add_passphrase_key(lower::PassphraseKey key);

    // The file key in the first packet that one of the keys opens. A private key is tried twice at
    // most, and all of them eight times. kUnknownKey, with the keys that are wanted, if there is
    // none of them; else the error of the last key that was tried.
    base::Result<lower::FileKey> open(const lower::Header& header);

    // Decrypts a lower name or a link's target; gives it unchanged if it is not encrypted. Text
    // that a tool has added, such as " (1)", is at the end of the plain name. kUnknownKey,
    // kMalformed, kDecryptFailed.
    base::Result<std::string> plain_name(const std::string& name);

    // Whether there is a key for it. A key from elsewhere is looked up.
    bool has_key_for_packet(const lower::KeyPacket& packet);
    bool has_key_for_name(const wire::KeySignature& signature);

    // Whether a packet or a name wanted this key, which may have failed to open it.
    bool was_used(const wire::KeySignature& signature) const { return used_.contains(signature); }

  private:
    base::Result<std::string> decrypt_name(const lower::EncryptedName& name);
    base::Result<lower::FileKey> open_packet(const lower::KeyPacket& packet);
    bool has_private_key(const wire::KeySignature& signature) const;
    const base::SecretBytes* find_passphrase_key(const wire::KeySignature& signature);

    PrivateKeys* private_keys_;
    PassphraseKeyLookup look_up_;
    std::set<wire::KeySignature> used_;
    // An empty key was looked up and not found.
    std::map<wire::KeySignature, base::SecretBytes> passphrase_keys_;
};

// "private key fe34… or passphrase 4eff…": what opens a file.
std::string keys_in_words(const lower::Header& header);

}  // namespace ecryptfs::lowerfs
