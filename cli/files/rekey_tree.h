// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/files/rekey_journal.h"
#include "cli/files/rekey_record.h"
#include "cli/output/progress.h"
#include "lib/base/error.h"
#include "lib/lowerfs/header_exchange.h"
#include "lib/lowerfs/key_change.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {

// Where the journal of a PATH is, and its name from there: empty for a folder itself.
struct RekeyPlace {
    std::string path;    // for the walk: a typed link to a file is resolved
    std::string folder;  // a file's journal is in the folder that it is in
    std::string name;
};
base::Result<RekeyPlace> find_rekey_place(const std::string& path);

struct RekeyChoices {
    bool dry_run = false;
    // Asked before each group of files is written: an error stops the work.
    std::function<base::Result<void>()> check_unmounted;
};

// Gives other keys to the files of one PATH. Files are written in groups: their old and new headers
// go into the journal, then each header is replaced, then all that is on disk. Goes on after the
// failure of a file. Stops, and leaves the journal, when the disk fails.
class TreeRekeying : public lowerfs::TreeVisitor {
  public:
    // Borrows all.
    TreeRekeying(lowerfs::HeaderRekeying& headers, Progress& progress, RekeyRecord& record,
                 const RekeyChoices& choices)
        : headers_(headers), progress_(progress), record_(record), choices_(choices) {}

    // Walks the path and writes all that it finds.
    void run(const RekeyPlace& place, RekeyJournal& journal);

    bool enter_folder(const lowerfs::TreeEntry& folder) override;
    void leave_folder(const lowerfs::TreeEntry&) override {}
    void visit(const lowerfs::TreeEntry& entry) override;
    void unreadable(const std::string& path, const base::Error& error) override {
        record_.add_failure(path, error);
    }
    bool stopped() const override { return record_.counts().stopped; }

  private:
    struct Pending {
        std::string path;
        std::string name;  // from the journal's folder
        lowerfs::HeaderExchange exchange;
    };

    void note_name(const lowerfs::TreeEntry& entry);
    bool is_further_name(const struct stat& status);
    void rekey(const lowerfs::TreeEntry& entry);
    base::Result<std::string> name_in_place(const lowerfs::TreeEntry& entry) const;
    void write_pending();
    base::Result<void> write_group();
    base::Result<void> sync_group() const;

    lowerfs::HeaderRekeying& headers_;
    Progress& progress_;
    RekeyRecord& record_;
    const RekeyChoices& choices_;
    const RekeyPlace* place_ = nullptr;
    RekeyJournal* journal_ = nullptr;
    std::vector<Pending> pending_;
    // Files with several names, and how many of those were not met yet.
    std::map<std::pair<dev_t, ino_t>, nlink_t> linked_;
};

}  // namespace ecryptfs::cli
