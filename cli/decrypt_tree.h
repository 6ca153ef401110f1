// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/file_opener.h"
#include "cli/lower_file.h"
#include "cli/progress.h"
#include "cli/tree_walk.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {

struct DecryptFailure {
    std::string path;  // of the lower file or folder
    base::Error error;
};

struct DecryptCounts {
    std::uint64_t files = 0;    // written now
    std::uint64_t skipped = 0;  // complete already
    std::uint64_t bytes = 0;    // of plaintext, written now
    std::vector<DecryptFailure> failures;
    bool stopped = false;  // by the last failure; what comes after was not looked at
};

// Writes what a mount would show of lower files and folders into a folder, with times, modes and,
// as root, owners, as far as that filesystem has them. What is there already is never replaced: a
// file of the same size and time is complete and left alone, anything else is a failure. Damaged
// files are written as far as they go, as NAME.damaged. Goes on after failures; stops only when the
// output cannot be written to, after the last of them.
class TreeDecryption : public TreeVisitor {
  public:
    // Borrows both; `output` is a folder, which is not looked for in the lower ones again.
    TreeDecryption(FileOpener& opener, Progress& progress, base::UniqueFd output);

    bool enter_folder(const TreeEntry& folder) override;
    void leave_folder(const TreeEntry& folder) override;
    void visit(const TreeEntry& entry) override;
    void unreadable(const std::string& path, const base::Error& error) override;
    bool stopped() const override { return counts_.stopped; }

    const DecryptCounts& counts() const { return counts_; }

  private:
    int output() const { return folders_.back().get(); }
    std::optional<std::string> output_name(const TreeEntry& entry);
    void decrypt_file(const TreeEntry& entry, const std::string& name);
    void decrypt_link(const TreeEntry& entry, const std::string& name);
    base::Result<void> make_link(const std::string& target, const std::string& name);
    base::Result<void> write_file(const TreeEntry& entry, const LowerFile& file,
                                  const std::string& name);
    void keep_attributes(int fd, const struct stat& status);

    FileOpener& opener_;
    Progress& progress_;
    std::vector<base::UniqueFd> folders_;  // of the output: from its root to where the walk is
    DecryptCounts counts_;
    bool warned_of_attributes_ = false;
};

}  // namespace ecryptfs::cli
