// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/passphrase.h"
#include "lib/lowerfs/file_key_set.h"
#include "lib/lowerfs/private_keys.h"
#include "lib/pki/client/key_location.h"
#include "lib/pki/host_process.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::cli {

inline constexpr char kStandardInput[] = "standard input";

// Where a mount passphrase comes from.
struct PassphraseOrigin {
    enum class Kind : std::uint8_t { kFile, kWrapped, kTyped };
    Kind kind = Kind::kTyped;
    std::string file = {};  // as it was typed, or kStandardInput; empty for kTyped
};

// A mount passphrase that was given, and the two keys that it makes.
struct GivenPassphrase {
    PassphraseOrigin origin;
    base::SecretBytes passphrase;
    lower::Salt salt;              // of the key for contents
    wire::KeySignature signature;  // of that key
    wire::KeySignature name_signature;
};

struct GivenPrivateKey {
    std::string name;  // as people write it
    wire::KeySignature signature;
};

// The keys that the user gives a command to open lower files, and those in the keyrings. Asks for
// their secrets. One call at a time.
class GivenKeys {
  public:
    explicit GivenKeys(pki::HostPaths paths);
    GivenKeys(const GivenKeys&) = delete;
    GivenKeys& operator=(const GivenKeys&) = delete;

    // Opens a key. Asks for its secret when it needs one and no file has it.
    base::Result<void> add_private_key(const pki::KeyLocation& key,
                                       const std::optional<std::string>& passphrase_file);

    // Both keys that a mount passphrase makes: for contents, with this salt, and for names.
    base::Result<void> add_passphrase(base::SecretBytes passphrase, const lower::Salt& salt,
                                      PassphraseOrigin origin);

    lowerfs::FileKeySet& file_keys() { return file_keys_; }
    const lowerfs::FileKeySet& file_keys() const { return file_keys_; }

    const std::vector<GivenPassphrase>& passphrases() const { return passphrases_; }
    const std::vector<GivenPrivateKey>& private_keys() const { return private_keys_; }

    // Whether a passphrase that was given makes a key of this signature.
    bool has_passphrase_key(const wire::KeySignature& signature) const;

  private:
    lowerfs::HostedPrivateKeys hosted_keys_;
    lowerfs::FileKeySet file_keys_;
    std::vector<GivenPassphrase> passphrases_;
    std::vector<GivenPrivateKey> private_keys_;
};

// Opens the private keys at these URIs or paths. The n-th file has the secret of the n-th key.
// kInvalidArgument for more files than keys.
base::Result<void> add_private_keys(GivenKeys& given, std::span<const std::string> uris,
                                    std::span<const std::string> secret_files);

}  // namespace ecryptfs::cli
