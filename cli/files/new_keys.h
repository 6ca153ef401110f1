// SPDX-License-Identifier: Apache-2.0
//
// The keys that rekey gives to files.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/lowerfs/key_change.h"
#include "lib/lowerfs/private_keys.h"
#include "lib/pki/client/key_location.h"
#include "lib/pki/host_process.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::cli {

// There may be several of each.
struct NewKeySources {
    std::vector<std::string> keys = {};  // signatures of tokens in the keyrings, and URIs
    bool passphrase = false;             // ask for one
    std::vector<std::string> passphrase_files = {};  // with one on the first line

    bool empty() const { return keys.empty() && !passphrase && passphrase_files.empty(); }
};

struct KeyChangeSources {
    NewKeySources to = {};                           // these, and no others
    NewKeySources add = {};                          // these, and those that are there
    std::vector<std::string> removed = {};           // signatures
    std::optional<std::string> salt = {};            // of new passphrases
    std::vector<std::string> key_secret_files = {};  // for private keys that need a secret

    std::vector<std::string> all_secret_files() const;
};

// Finds contradictions before anybody is asked. kInvalidArgument.
base::Result<void> check_change(const KeyChangeSources& sources);

// Finds the new keys. Of a private key the public half is enough: it is opened in a PKI host, and a
// secret is asked for only where even that half is encrypted.
class NewKeys {
  public:
    explicit NewKeys(pki::HostPaths paths) : public_keys_(std::move(paths)) {}

    // kUnknownKey for a signature without a token, kInvalidKey for a key of names and for a token
    // whose locator leads to another key; the errors of reading and opening.
    base::Result<void> load(const KeyChangeSources& sources);

    const lowerfs::KeyChange& change() const { return change_; }
    lowerfs::PublicKeys& public_keys() { return public_keys_; }

  private:
    base::Result<void> add_sources(const NewKeySources& sources, const KeyChangeSources& all,
                                   const std::string& option);
    base::Result<void> add_passphrase(const std::optional<std::string>& file,
                                      const KeyChangeSources& all, const std::string& option);
    base::Result<void> add_token(const wire::KeySignature& signature, const KeyChangeSources& all);
    base::Result<wire::KeySignature> open_private_key(const pki::KeyLocation& location,
                                                      const KeyChangeSources& all);
    void add(lowerfs::NewKey key);

    lowerfs::HostedPublicKeys public_keys_;
    lowerfs::KeyChange change_;
    std::size_t used_secret_files_ = 0;
};

}  // namespace ecryptfs::cli
