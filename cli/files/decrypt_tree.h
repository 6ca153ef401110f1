// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/files/file_attributes.h"
#include "cli/files/file_decryption.h"
#include "cli/files/key_demand.h"
#include "cli/files/linked_files.h"
#include "cli/files/output_tree.h"
#include "cli/files/part_file.h"
#include "cli/files/path_selection.h"
#include "cli/output/progress.h"
#include "cli/verbs/verbs.h"
#include "lib/base/error.h"
#include "lib/lowerfs/file_key_set.h"
#include "lib/lowerfs/lower_file.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {

struct DecryptFailure {
    std::string path;  // of the lower file or folder
    base::Error error;
    std::optional<std::string> plain_path = {};  // if a part of it was encrypted, and is known
};

// What was saved under another name than it had.
struct RenamedCopy {
    std::string path;  // of the lower file or folder
    std::string name;  // in the output, from its root
    std::string reason;
    std::optional<std::string> plain_path = {};  // as in DecryptFailure
};

// What --json tells of single files, of failures and of new names each.
inline constexpr std::uint64_t kMostInJson = 20'000;

struct DecryptCounts {
    std::uint64_t files = 0;    // written now
    std::uint64_t skipped = 0;  // complete already
    std::uint64_t bytes = 0;    // of plaintext, written now
    std::uint64_t linked = 0;   // second names of files that were written or complete
    std::uint64_t copied_links =
        0;                     // of second names: written again, as they cannot be links there
    std::uint64_t beyond = 0;  // files, of what was behind the end of others
    LostAttributes lost;
    std::uint64_t renamed_items = 0;
    std::uint64_t failed_items = 0;
    std::uint64_t unlisted = 0;  // of those, without a line on standard error
    // The first ones, and the last failure.
    std::vector<RenamedCopy> renamed;
    std::vector<DecryptFailure> failures;
    KeyDemand missing;     // of what no key opened
    bool stopped = false;  // by the last failure; what comes after was not looked at
};

// Writes what a mount would show of lower files and folders into a folder, with times, modes,
// access control lists, the user's attributes, hard links and, as root, owners, as far as that
// filesystem has them. What is there already is never replaced: a file of the same size and time is
// complete and left alone, anything else is a failure. Damaged files are written as far as they go,
// as NAME.damaged. Names that the filesystem does not have, or that another file has, are changed.
// Goes on after failures; stops only when the output cannot be written to, after the last of them.
class TreeDecryption : public lowerfs::TreeVisitor {
  public:
    // Borrows all. With --beyond-size, what lies behind a file's end is saved as NAME.beyond.
    TreeDecryption(lowerfs::FileKeySet& keys, Progress& progress, OutputTree& output,
                   PathSelection& selection, const Decrypt& command);

    bool enter_folder(const lowerfs::TreeEntry& folder) override;
    void leave_folder(const lowerfs::TreeEntry& folder) override;
    void visit(const lowerfs::TreeEntry& entry) override;
    void unreadable(const std::string& path, const base::Error& error) override;
    bool stopped() const override { return counts_.stopped; }

    const DecryptCounts& counts() const { return counts_; }

  private:
    using Place = OutputTree::Place;
    using IsEarlier = OutputTree::IsEarlier;
    using Create = std::function<base::Result<void>(const std::string& name)>;
    struct Contents {
        PartFile part;
        std::vector<lower::FileRange> lost;
        bool doubtful = false;  // may_be_of_damaged_key()
    };

    // Empty if there can be no such file; then, or if it is the encrypted one, there is an error.
    struct OutputName {
        std::string name;
        std::optional<base::Error> error = {};
    };

    bool is_wanted(const lowerfs::TreeEntry& entry);
    OutputName output_name(const lowerfs::TreeEntry& entry);
    std::vector<std::string> names_to_try(const std::string& name) const;
    base::Result<Place> settle(const std::string& name, const IsEarlier& is_earlier,
                               const Create& create);
    void note_renamed(const lowerfs::TreeEntry& entry, const std::string& name, const Place& place,
                      const std::string& where);
    void list(const std::string& path, const std::string& what);

    base::Result<void> decrypt_link(const lowerfs::TreeEntry& entry, const std::string& name);
    base::Result<void> decrypt_file(const lowerfs::TreeEntry& entry, const lowerfs::LowerFile& file,
                                    const std::string& name);
    base::Result<bool> add_name(const lowerfs::TreeEntry& entry, const lowerfs::LowerFile& file,
                                const std::string& name);
    base::Result<Contents> write_contents(const lowerfs::LowerFile& file,
                                          const lower::FileRange& range);
    base::Result<void> write_file(const lowerfs::TreeEntry& entry, const lowerfs::LowerFile& file,
                                  const std::string& name);
    base::Result<bool> is_complete(const lowerfs::LowerFile& file, const std::string& there);
    base::Result<Place> publish(const lowerfs::TreeEntry& entry, Contents& contents,
                                const std::string& name, const IsEarlier& is_earlier);
    base::Result<void> save_beyond_size(const lowerfs::TreeEntry& entry,
                                        const lowerfs::LowerFile& file, const std::string& name);
    void remember(const lowerfs::LowerFile& file, const std::string& name);

    lowerfs::FileKeySet& keys_;
    Progress& progress_;
    OutputTree& output_;
    PathSelection& selection_;
    std::vector<std::string>
        folders_;  // where the walk is, in plain names as far as they are known
    const Decrypt& command_;
    std::uint64_t listed_ = 0;    // lines on standard error
    bool refuses_names_ = false;  // the output has refused one
    LinkedFiles linked_;
    DecryptCounts counts_;
};

}  // namespace ecryptfs::cli
