// SPDX-License-Identifier: Apache-2.0
//
// The journal of rekey, in the folder whose files it changes: there it is as lasting as they are,
// and whoever moves the disk moves it too.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/files/part_file.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/lowerfs/header_journal.h"

namespace ecryptfs::cli {

inline constexpr char kJournalName[] = ".ecryptfsctl-rekey";

// What completing an interrupted run's journal came to.
struct JournalRedo {
    std::uint64_t completed = 0;               // headers that were written now
    std::vector<std::string> left_alone = {};  // paths of files that are others now, or gone
};

class RekeyJournal {
  public:
    // Opens the folder and locks it against another run. kBusy; kNotFound, kAccessDenied.
    static base::Result<RekeyJournal> open(const std::string& folder);

    int folder() const { return folder_.get(); }
    const struct stat& status() const { return status_; }

    // Whether an interrupted run has left a journal. It must be this user's own, and nobody else's
    // to write: kAccessDenied.
    base::Result<bool> exists() const;
    // Completes what it says, has that on disk, and removes it. kMalformed for a file that is no
    // journal.
    base::Result<JournalRedo> redo();

    // Has the entries on disk. There must be no journal: kAlreadyExists.
    base::Result<void> write(const std::vector<lowerfs::JournalEntry>& entries);
    // Removes it. The headers must be on disk.
    base::Result<void> drop();

  private:
    RekeyJournal(base::UniqueFd folder, const struct stat& status)
        : folder_(std::move(folder)), status_(status) {}
    base::Result<base::UniqueFd> open_file(int flags) const;
    base::Result<void> sync_and_remove(int file);

    base::UniqueFd folder_;
    struct stat status_;
    std::optional<PartFile> file_ = {};  // that write() has made
};

}  // namespace ecryptfs::cli
