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

// The output: its root folder, and the folders below it down to the current one.
//
// A folder that we make is for its owner alone until it is complete, and has a mark in it. Its
// attributes come last. So nobody else can have been in a folder with a mark, and a later run
// finishes it. As root, a mark of the lower folder's owner counts too.
//
// A folder without a mark is used if it is ours, or if the root's owner has it and not everybody
// can write into it; as root, if it is the lower folder's owner's. Its attributes stay as they are.
//
// Each thing that was there before this run counts once as the work of an earlier one. Nothing that
// this run wrote proves that something else is complete.
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

    // kAlreadyExists if root may not write a lower file of this owner here: the root folder must be
    // root's or the owner's.
    base::Result<void> check_owner(uid_t lower_owner) const;
    bool is_root(const struct stat& status) const;

    // The current folder's descriptor; -1 if somebody moved the folder.
    int folder() const { return chain_.current(); }
    int root() const { return chain_.first(); }
    // The path from the root of a name in the current folder.
    std::string path_from_root(const std::string& name) const;
    // The current folder's path from the root; empty for the root.
    std::string current_path() const;

    // The first of NAME, NAME.2, NAME.3, … that is free, or that an earlier run has made of the
    // same. `is_earlier` judges what was there before: its error ends the search if the name is
    // NAME. kNameChanged if the file system cannot have the name.
    struct Place {
        std::string name;
        bool is_earlier = false;
        bool is_numbered = false;
    };
    using IsEarlier = std::function<base::Result<bool>(const std::string& name)>;
    base::Result<Place> find_place(const std::string& name, const IsEarlier& is_earlier);
    // Whether the name was there before this run, and find_place() has not given it yet.
    bool is_unclaimed(const std::string& name) const {
        return levels_.back().before.contains(name);
    }

    // Makes a folder and goes into it. kAlreadyExists, kNameChanged.
    base::Result<void> make_folder(const std::string& name, const struct stat& lower);
    // Goes into a folder that was there. kAlreadyExists if it may not be used.
    base::Result<void> reuse_folder(const std::string& name, const struct stat& lower);
    // Leaves the current folder. Gives it its attributes if we made it and it is complete. `lower`
    // is the lower folder's descriptor, or -1.
    void leave_folder(int lower, const struct stat& status, bool complete, LostAttributes& lost);

    // The owner of new files here. FAT and its like have one owner for all.
    uid_t new_owner() const { return fresh_.st_uid; }

  private:
    struct Level {
        std::string name;
        bool is_ours = false;               // we made it, and give it its attributes
        std::optional<mode_t> closed_mode;  // restored when we leave it
        std::set<std::string> before;       // names before this run that are unclaimed
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
