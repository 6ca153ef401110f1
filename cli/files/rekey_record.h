// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/files/decrypt_record.h"
#include "cli/files/key_demand.h"
#include "cli/output/progress.h"
#include "lib/base/error.h"
#include "lib/lower/header.h"
#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// A key as it is in a header.
struct PacketKey {
    lower::PacketKind kind = lower::PacketKind::kPublicKey;
    std::string signature;
    auto operator<=>(const PacketKey&) const = default;

    std::string text() const;  // "private key fe34…"
};

struct RekeyCounts {
    std::uint64_t changed = 0;        // or would be
    std::uint64_t unchanged = 0;      // have just these keys already
    std::uint64_t linked = 0;         // further names of files
    std::uint64_t not_encrypted = 0;  // without a header
    std::uint64_t empty = 0;
    std::uint64_t completed = 0;  // headers that an interrupted run had begun
    std::uint64_t failed = 0;
    std::uint64_t unlisted = 0;  // of those, without a line on standard error
    // How many files change from these keys to those. Of more than kMostChanges kinds the rest is
    // under empty lists.
    std::map<std::pair<std::vector<PacketKey>, std::vector<PacketKey>>, std::uint64_t> changes;
    // Files that a key alone opens, as they are left.
    std::map<PacketKey, std::uint64_t> alone;
    std::vector<std::pair<PacketKey, std::string>> alone_paths;  // with --list-alone and --json
    std::uint64_t alone_unlisted = 0;                            // beyond kMostInJson
    std::map<std::string, std::uint64_t> names;  // encrypted ones, by their key's signature
    std::vector<DecryptFailure> failures;        // the first ones
    KeyDemand missing;                           // keys of files that no given key opened
    bool stopped = false;                        // by the last failure; the rest was not looked at
};

// Records what happens to files: counts it, and prints failures and, if asked to, files that one
// key alone opens. Constant memory, but for failures and paths that JSON has.
class RekeyRecord {
  public:
    // Borrows both.
    RekeyRecord(lowerfs::FileKeySet& keys, Progress& progress, bool lists_alone, bool json)
        : keys_(keys), progress_(progress), lists_alone_(lists_alone), json_(json) {}

    void add_change(const std::string& path, const lower::Header& before,
                    const lower::Header& after);
    void add_unchanged(const std::string& path, const lower::Header& header);
    // The header stays as it is.
    void add_failure(const std::string& path, const lower::Header& header,
                     const base::Error& error);
    void add_failure(const std::string& path, const base::Error& error);
    // The last failure: nothing is read after it.
    void stop(const std::string& path, const base::Error& error);
    void add_name(const std::string& signature) { ++counts_.names[signature]; }

    RekeyCounts& counts() { return counts_; }
    const RekeyCounts& counts() const { return counts_; }

  private:
    void count_alone(const std::string& path, const std::vector<PacketKey>& keys);

    lowerfs::FileKeySet& keys_;
    Progress& progress_;
    bool lists_alone_;
    bool json_;
    RekeyCounts counts_;
    std::uint64_t lines_ = 0;
};

// The result for people: what was or would be done, a line for each kind of change, and how many
// files one key alone opens.
std::string rekeyed_text(const RekeyCounts& counts, bool is_dry_run);

}  // namespace ecryptfs::cli
