// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "lib/base/error.h"
#include "lib/lower/header.h"
#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// The keys that unopened files and names need, and how many need each.
class KeyDemand {
  public:
    void add_file(const lower::Header& header);
    void add_name(const wire::KeySignature& signature);
    void add(const KeyDemand& other);

    bool empty() const { return files_.empty() && names_.empty(); }
    bool wants_private_key() const { return wants_private_key_; }
    bool wants_passphrase() const { return !passphrases_.empty(); }
    bool wants_passphrase(const wire::KeySignature& signature) const {
        return passphrases_.contains(signature);
    }
    bool wants_contents() const { return !files_.empty(); }

    // "3 files want private key fe34… or passphrase 4eff…; 4 names want passphrase 21e7…"
    std::string text() const;

  private:
    std::map<std::string, std::uint64_t> files_;  // by the keys that would open them, in words
    std::map<std::string, std::uint64_t> names_;
    std::set<wire::KeySignature> passphrases_;  // of files and names
    bool wants_private_key_ = false;
};

// The demand of all files and names below these paths, if the keys open none of them. Nothing if
// they open one, or if nothing is encrypted. Reads names and headers, up to the first that a key
// opens.
std::optional<KeyDemand> find_unmet_demand(std::span<const std::string> paths,
                                           lowerfs::FileKeySet& keys);

}  // namespace ecryptfs::cli
