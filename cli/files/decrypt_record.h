// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/files/file_attributes.h"
#include "cli/files/key_demand.h"
#include "cli/output/progress.h"
#include "lib/base/error.h"
#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

struct DecryptFailure {
    std::string path;  // of the lower file or folder
    base::Error error;
    std::optional<std::string> plain_path = {};  // if a part of it was encrypted, and is known
};

// An item that was saved under another name than its own.
struct RenamedCopy {
    std::string path;  // of the lower file or folder
    std::string name;  // in the output, from its root
    std::string reason;
    std::optional<std::string> plain_path = {};  // as in DecryptFailure
};

// How many failures, and how many new names, --json lists.
inline constexpr std::uint64_t kMostInJson = 20'000;

struct DecryptCounts {
    std::uint64_t files = 0;         // written now
    std::uint64_t skipped = 0;       // complete already
    std::uint64_t bytes = 0;         // of plaintext, written now
    std::uint64_t linked = 0;        // further names of files that are there
    std::uint64_t copied_links = 0;  // further names that became files: no links are possible
    std::uint64_t beyond = 0;        // files with data that was behind the end of others
    LostAttributes lost;
    std::uint64_t renamed_items = 0;
    std::uint64_t failed_items = 0;
    std::uint64_t unlisted = 0;  // of those, without a line on standard error
    // Only the first ones if there are too many, and always the last failure.
    std::vector<RenamedCopy> renamed;
    std::vector<DecryptFailure> failures;
    KeyDemand missing;     // keys of items that no given key opened
    bool stopped = false;  // by the last failure; nothing was read after it
};

// Records what happens while a tree is decrypted: counts it, keeps the first failures and new
// names, and prints a line on standard error for each, unless there are too many.
class DecryptRecord {
  public:
    // Borrows both. Keeps more with `json`.
    DecryptRecord(lowerfs::FileKeySet& keys, Progress& progress, bool json)
        : keys_(keys), progress_(progress), json_(json) {}

    void add_failure(const std::string& path, const base::Error& error);
    // `name`: the output's name for it; `where`: the same from the output's root.
    void add_renamed(const std::string& path, const std::string& name, const std::string& where,
                     std::string reason);
    void add_warning(const std::string& path, const std::string& warning);

    DecryptCounts& counts() { return counts_; }
    const DecryptCounts& counts() const { return counts_; }

  private:
    std::uint64_t most_kept() const;
    void print_line(const std::string& path, const std::string& what);

    lowerfs::FileKeySet& keys_;
    Progress& progress_;
    bool json_;
    std::uint64_t lines_ = 0;  // on standard error
    DecryptCounts counts_;
};

}  // namespace ecryptfs::cli
