// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/key_location.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header.h"
#include "lib/lower/passphrase.h"
#include "lib/pki/client/module_host.h"

namespace ecryptfs::cli {

inline constexpr char kStandardInput[] = "standard input";

// Where a mount passphrase comes from.
struct PassphraseOrigin {
    enum class Kind : std::uint8_t { kFile, kWrapped, kTyped };
    Kind kind = Kind::kTyped;
    std::string file = {};  // as it was named, or kStandardInput; empty for a typed one
};

// A mount passphrase that was given, and the two keys that it makes.
struct GivenPassphrase {
    PassphraseOrigin origin;
    base::SecretBytes passphrase;
    lower::Salt salt;              // of the key for contents
    wire::KeySignature signature;  // of that key
    wire::KeySignature name_signature;
};

// The keys with which lower files are opened in user space: private keys by PKI modules in hosts of
// our own, and what passphrases become. Needs neither agent nor kernel; where there is a keyring,
// its passphrase tokens open files too. One thing at a time.
class FileOpener {
  public:
    explicit FileOpener(pki::HostPaths paths) : paths_(std::move(paths)) {}

    // Opens a key; asks on the terminal when it needs a secret and `passphrase_file` is empty.
    // Gives its signature.
    base::Result<wire::KeySignature> add_private_key(const pki::KeyLocation& key,
                                                     const std::string& passphrase_file);

    // Both keys that a mount passphrase makes: for contents, with this salt, and for names.
    base::Result<void> add_passphrase(base::SecretBytes passphrase, const lower::Salt& salt,
                                      PassphraseOrigin origin);

    // By the first packet that one of the keys opens. A private key is tried twice at most, and all
    // of them eight times. kUnknownKey, with the signatures that would do, if there is none; else
    // why the last that should have did not.
    base::Result<lower::FileKey> open(const lower::Header& header);

    // What a name of a lower folder, or a link's target, stands for; itself if it is not encrypted.
    // What a tool has added to it, as " (1)", is at its end then.
    // kUnknownKey, kMalformed, kDecryptFailed.
    base::Result<std::string> plain_name(const std::string& name);

    // A path with all its names that can be decrypted in plain; nothing if none can. For people:
    // names that would lead elsewhere stay encrypted.
    std::optional<std::string> plain_path(const std::string& path);
    // A path for messages: in plain as far as it is known, and then with the lower name that the
    // last part has: "secret/thesis.odt (ECRYPTFS_FNEK_ENCRYPTED.FW…)".
    std::string shown_path(const std::string& path);

    // What was given so far.
    const std::vector<GivenPassphrase>& passphrases() const { return given_; }
    struct GivenKey {
        std::string name;  // as people write it
        wire::KeySignature signature;
    };
    const std::vector<GivenKey>& private_keys() const { return given_keys_; }

    // Whether a passphrase that was given makes a key of this signature.
    bool was_given(const wire::KeySignature& signature) const;

    // Whether something was of this key, though it may have been damaged.
    bool was_used(const wire::KeySignature& signature) const { return used_.contains(signature); }

    // Whether there is a key for it, without using it.
    bool has_key_for(const lower::KeyPacket& packet);
    bool has_key_for_name(const wire::KeySignature& signature);

  private:
    struct PrivateKey {
        pki::ModuleHost* host;
        std::uint64_t number;  // in that host
    };

    base::Result<pki::ModuleHost*> host_of(const pki::KeyLocation& key);
    base::Result<std::string> decrypt_name(const lower::EncryptedName& name);
    base::Result<lower::FileKey> open_packet(const lower::KeyPacket& packet);
    // A FEKEK or FNEK; null if there is none.
    const base::SecretBytes* passphrase_key(const wire::KeySignature& signature);

    pki::HostPaths paths_;
    // By module and pki::code_selection(): no library sees the secrets of another's keys.
    std::map<std::pair<std::string, std::string>, std::unique_ptr<pki::ModuleHost>> hosts_;
    std::map<wire::KeySignature, PrivateKey> private_keys_;
    std::uint64_t last_number_ = 0;
    std::vector<GivenPassphrase> given_;
    std::vector<GivenKey> given_keys_;
    std::set<wire::KeySignature> used_;
    // Empty ones were looked for in the keyrings and are not there.
    std::map<wire::KeySignature, base::SecretBytes> passphrase_keys_;
};

}  // namespace ecryptfs::cli
