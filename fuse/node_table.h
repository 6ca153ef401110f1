// SPDX-License-Identifier: Apache-2.0
//
// The lower files and folders that the kernel knows of, by the numbers that it calls them by, and
// the ways to them. Any thread.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fuse/file_contents.h"
#include "fuse/outcome.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

// Stays open as long as somebody uses it.
using Descriptor = std::shared_ptr<const base::UniqueFd>;

// By which a system call that knows paths only reaches it.
std::string path_of_descriptor(const base::UniqueFd& fd);

// Of a lower file: what another one in its place would not have.
struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    mode_t type = 0;  // S_IFMT's bits

    static Identity of_status(const struct stat& status) {
        return {status.st_dev, status.st_ino, status.st_mode & S_IFMT};
    }
    auto operator<=>(const Identity&) const = default;
};

// The plain size that a lower file's header had when the file was like this.
struct KnownSize {
    timespec changed_at;
    off_t lower_size;
    std::uint64_t plain_size;
};

// A descriptor of a lower file, and what the file was like then.
struct FreshDescriptor {
    base::UniqueFd fd;
    struct stat status{};
};

// A lower file that programs have open: opened once for all of them.
struct OpenLower {
    base::UniqueFd fd;
    struct stat status{};
    bool can_write = false;
};

class Node {
  public:
    std::uint64_t id() const { return id_; }
    const Identity& identity() const { return identity_; }
    bool is_file() const { return S_ISREG(identity_.type); }

    std::mutex mutex;  // of all that follows:
    std::optional<KnownSize> known_size = {};
    std::uint64_t opens = 0;
    std::shared_ptr<OpenLower> lower = {};        // while it is open
    std::unique_ptr<FileContents> contents = {};  // of that; not after the key was dropped
    bool may_have_pages = false;                  // the kernel, of what was read with a key

  private:
    friend class NodeTable;

    std::uint64_t id_ = 0;
    Identity identity_;
    // Of the table's mutex:
    std::uint64_t lookups_ = 0;        // that the kernel has not forgotten
    std::uint64_t children_ = 0;       // nodes that are in this folder
    std::shared_ptr<Node> folder_;     // none for the root, and when it is forgotten
    std::string name_;                 // the lower one
    Descriptor descriptor_;            // O_PATH: opened when it is needed
    bool is_held_ = false;             // `descriptor_` is the only way
    std::list<Node*>::iterator used_;  // valid with a descriptor that is not held
};

class NodeTable {
  public:
    static constexpr std::uint64_t kRoot = 1;  // FUSE_ROOT_ID

    // `root`: the lower folder. Of the O_PATH descriptors, so many are kept at the most, besides
    // those of files that have lost their name.
    NodeTable(base::UniqueFd root, std::size_t most_descriptors);

    // Null for a number that is not, or no longer, in use.
    std::shared_ptr<Node> find(std::uint64_t id);
    // What the kernel knows of this file, by another name perhaps; null if it does not know it.
    std::shared_ptr<Node> find_known(const Identity& identity);
    std::vector<std::shared_ptr<Node>> all();

    // The node of a file that was found under this lower name. Counts a look-up.
    std::shared_ptr<Node> add(const Identity& identity, const std::shared_ptr<Node>& folder,
                              const std::string& name);

    // The kernel has forgotten so many look-ups.
    void forget(std::uint64_t id, std::uint64_t lookups);

    // An O_PATH descriptor: neither names nor links lead elsewhere any more. ESTALE if another file
    // has its name now.
    Outcome<Descriptor> descriptor(Node& node);
    // A descriptor of one's own. Does not follow a link.
    Outcome<FreshDescriptor> open(Node& node, int flags);
    Outcome<struct stat> status(Node& node);

    // Before a name is removed: its node can be reached without.
    Outcome<void> hold(const Node& folder, const std::string& name, const Identity& identity);
    // While a file is renamed no other thread looks for one by its name.
    std::shared_mutex& places() { return places_; }
    void set_place(const Identity& identity, const std::shared_ptr<Node>& folder,
                   const std::string& name);

  private:
    static bool is_within(const Node& node, const Node& folder);
    Outcome<Descriptor> find_way(Node& node);
    Outcome<FreshDescriptor> open_by_name(Node& node, int flags);
    Descriptor existing_descriptor(Node& node);
    Descriptor keep(Node& node, base::UniqueFd fd);
    void place(Node& node, const std::shared_ptr<Node>& folder, const std::string& name);
    void make_room();
    void drop_if_unused(const std::shared_ptr<Node>& node);

    // Locked before `mutex_`: exclusively by who renames, shared by who finds a file by its name.
    std::shared_mutex places_;
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<Node>> nodes_;
    std::map<Identity, std::uint64_t> ids_;
    std::list<Node*> used_;  // with a descriptor that can be closed; the last used one first
    std::size_t most_descriptors_;
    std::uint64_t last_id_ = kRoot;
};

}  // namespace ecryptfs::fuse
