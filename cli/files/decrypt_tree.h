// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/files/decrypt_record.h"
#include "cli/files/decrypted_copies.h"
#include "cli/files/output_tree.h"
#include "cli/files/path_selection.h"
#include "cli/output/progress.h"
#include "lib/base/error.h"
#include "lib/lowerfs/file_key_set.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {

struct DecryptChoices {
    bool beyond_size = false;  // save what lies behind the end of a file as NAME.beyond
    bool json = false;         // keep kMostInJson failures and new names instead of a few
};

// Decrypts lower folders into the output, as a mount would show them: with times, modes, access
// control lists, the user's attributes, hard links and, as root, owners, as far as the output's
// file system has them. Goes on after failures. Stops when the output cannot be written to, which
// is the last failure then.
class TreeDecryption : public lowerfs::TreeVisitor {
  public:
    // Borrows all.
    TreeDecryption(lowerfs::FileKeySet& keys, Progress& progress, OutputTree& output,
                   PathSelection& selection, const DecryptChoices& choices);

    bool enter_folder(const lowerfs::TreeEntry& folder) override;
    void leave_folder(const lowerfs::TreeEntry& folder) override;
    void visit(const lowerfs::TreeEntry& entry) override;
    void unreadable(const std::string& path, const base::Error& error) override {
        record_.add_failure(path, error);
    }
    bool stopped() const override { return record_.counts().stopped; }

    const DecryptCounts& counts() const { return record_.counts(); }

  private:
    // The name is empty if no file can have it. `error` says why it is empty, or still encrypted.
    struct OutputName {
        std::string name;
        std::optional<base::Error> error = {};
    };

    bool is_wanted(const lowerfs::TreeEntry& entry);
    OutputName choose_name(const lowerfs::TreeEntry& entry);
    bool may_write_into_root(const lowerfs::TreeEntry& folder);
    base::Result<void> copy(const lowerfs::TreeEntry& entry, const std::string& name);

    lowerfs::FileKeySet& keys_;
    Progress& progress_;
    OutputTree& output_;
    PathSelection& selection_;
    std::vector<std::string> folders_;  // where the walk is; plain names as far as they are known
    DecryptRecord record_;
    DecryptedCopies copies_;
};

}  // namespace ecryptfs::cli
