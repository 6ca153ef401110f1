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

// The keys that files and names want which cannot be opened, and how many of each.
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
    std::map<std::string, std::uint64_t> files_;  // by all keys that one of them wants
    std::map<std::string, std::uint64_t> names_;
    std::set<wire::KeySignature> passphrases_;  // of files and names
    bool wants_private_key_ = false;
};

// What is below these paths, if no key opens any file or name of it. Nothing if one opens
// something, or if there is nothing to open. Reads names and headers, up to the first that is
// opened.
std::optional<KeyDemand> find_unmet_demand(std::span<const std::string> paths,
                                           lowerfs::FileKeySet& keys);

}  // namespace ecryptfs::cli
