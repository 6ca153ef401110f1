// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/files/file_attributes.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/lowerfs/folder_chain.h"

namespace ecryptfs::cli {

// The folder that decrypted files are written into, and those below it, down to where the work is.
//
// It is written into what we made only. A folder of ours is for its owner alone until it is
// complete, and has a mark in it; its attributes come last. So nobody else can have been in a
// folder that has the mark, and a later run finishes it. Other folders that were there are gone
// into if they are ours, or the root's owner's and not open to all; as root, if they belong to the
// owner of the lower folder. Their attributes stay as they are. As root a mark of that owner
// counts, too.
//
// What was there before this run counts as an earlier run's work once only: what this run wrote
// never proves that something else is complete.
class OutputTree {
  public:
    // Makes the folder if it is not there. As root no link on the way to it is followed.
    // kAlreadyExists while another program writes into it.
    static base::Result<OutputTree> open(const std::string& path);
    OutputTree(OutputTree&&) = default;
    OutputTree& operator=(OutputTree&&) = delete;
    OutputTree(const OutputTree&) = delete;
    OutputTree& operator=(const OutputTree&) = delete;
    ~OutputTree();

    // kAlreadyExists if a lower file of this owner is not to be written here: as root the folder
    // must be root's or the owner's.
    base::Result<void> check_owner(uid_t lower_owner) const;
    bool is_root(const struct stat& status) const;

    // Where the work is; -1 if somebody moved it.
    int folder() const { return chain_.current(); }
    int root() const { return chain_.first(); }
    // Where a name in it is, from the root.
    std::string path_of(const std::string& name) const;
    // The folder itself, from the root; empty for that.
    std::string current_path() const;

    // The first of NAME, NAME.2, NAME.3, … that is free, or is the work of an earlier run.
    // `is_earlier` says of what was there before whether it is that, or gives the error that ends
    // the search at NAME. kNameChanged: the file system cannot have it.
    struct Place {
        std::string name;
        bool is_earlier = false;
        bool is_numbered = false;
    };
    using IsEarlier = std::function<base::Result<bool>(const std::string& name)>;
    base::Result<Place> find_place(const std::string& name, const IsEarlier& is_earlier);
    bool was_there(const std::string& name) const { return levels_.back().before.contains(name); }

    // Goes into a new folder. kAlreadyExists, kNameChanged.
    base::Result<void> make_folder(const std::string& name, const struct stat& lower);
    // Goes into one that was there; kAlreadyExists if that may not be.
    base::Result<void> reuse_folder(const std::string& name, const struct stat& lower);
    // Out of it. Gives it its attributes, if it is ours and `complete`; `lower` is open, or -1.
    void leave_folder(int lower, const struct stat& status, bool complete, LostAttributes& lost);

    // The owner of what is made here: FAT and its like have one for all.
    uid_t new_owner() const { return fresh_.st_uid; }

  private:
    struct Level {
        std::string name;
        bool is_ours = false;               // and gets its attributes
        std::optional<mode_t> closed_mode;  // to be given back
        std::set<std::string> before;       // what was there, and was not found again yet
    };

    explicit OutputTree(base::UniqueFd root);
    base::Result<void> lock_root();
    bool has_mark(int folder, uid_t folder_owner, uid_t lower_owner) const;
    bool may_reuse(const struct stat& there, const struct stat& lower, bool marked) const;
    void push(base::UniqueFd folder, Level level);
    std::set<std::string> list_folder(int folder) const;

    lowerfs::FolderChain chain_;
    std::vector<Level> levels_;
    struct stat root_{};
    struct stat fresh_{};  // what a new file of ours looks like here
    bool has_owners_ = true;
    base::UniqueFd lock_;
};

}  // namespace ecryptfs::cli
