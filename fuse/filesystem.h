// SPDX-License-Identifier: Apache-2.0
//
// The mounted folder: what each request of the kernel does to the lower folder. Knows nothing of
// how requests come (fuse/session.h). Any thread. One that may not wait gets kWouldWait instead,
// and nothing has been done (fuse/waiting.h).

#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/acting_as.h"
#include "fuse/folder_stream.h"
#include "fuse/mount_keys.h"
#include "fuse/node_table.h"
#include "fuse/outcome.h"
#include "fuse/waiting.h"
#include "lib/base/handle.h"
#include "lib/mount/folder_options.h"

namespace ecryptfs::fuse {

using NodeId = std::uint64_t;

// A node that a look-up found or made, and what it is like.
struct FoundNode {
    NodeId id = 0;
    struct stat status{};
};

struct OpenedFile {
    bool keeps_cache = false;  // the kernel's pages of it are still right
};

struct FolderEntry {
    std::string name;  // plain
    ino_t inode = 0;
    mode_t type = 0;  // of struct stat
    off_t next = 0;   // where the entry behind this one is
};

// Of a setattr request; what is not set stays.
struct AttributeChange {
    std::optional<mode_t> mode = {};
    std::optional<uid_t> user = {};
    std::optional<gid_t> group = {};
    std::optional<std::uint64_t> size = {};
    std::optional<timespec> accessed_at = {};  // tv_nsec may be UTIME_NOW
    std::optional<timespec> modified_at = {};
    bool drops_privileges = false;  // as write() does
};

class Filesystem {
  public:
    // `root`: the lower folder. Borrows the keys.
    Filesystem(base::UniqueFd root, MountKeys& keys, const mount::FolderOptions& options);

    // From now on what is made belongs to who asks for it. After prepare_acting().
    void serve_others() { serves_others_ = true; }

    // Others are let in, and the kernel checks each file's mode. Else this has to.
    void leave_modes_to_kernel() { kernel_checks_modes_ = true; }

    Outcome<FoundNode> look_up(NodeId folder, std::string_view name);
    void forget(NodeId id, std::uint64_t lookups) { nodes_.forget(id, lookups); }
    Outcome<struct stat> status(NodeId id);
    Outcome<struct stat> change(NodeId id, const AttributeChange& change);
    Outcome<struct statvfs> statistics(NodeId id);

    Outcome<std::string> read_link(NodeId id);
    // What these make belongs to this process, unless it serves others.
    Outcome<FoundNode> make_link(NodeId folder, std::string_view name, std::string_view target,
                                 const std::optional<Requester>& requester = {});
    Outcome<FoundNode> make_hard_link(NodeId id, NodeId folder, std::string_view name);
    Outcome<FoundNode> make_folder(NodeId folder, std::string_view name, mode_t mode,
                                   const std::optional<Requester>& requester = {});
    Outcome<FoundNode> make_special(NodeId folder, std::string_view name, mode_t mode, dev_t device,
                                    const std::optional<Requester>& requester = {});
    Outcome<void> remove(NodeId folder, std::string_view name, bool is_folder);
    Outcome<void> rename(NodeId folder, std::string_view name, NodeId new_folder,
                         std::string_view new_name, unsigned flags);
    Outcome<FolderStream> open_folder(NodeId folder);
    // The entry at 0 or at another one's `next`; nothing at the end. Names that no key opens are
    // left out.
    Outcome<std::optional<FolderEntry>> entry_at(FolderStream& folder, off_t offset);
    Outcome<void> sync_folder(NodeId id);

    // A new empty file, or one that is there, opened by the flags of open(2). One that is there
    // gives ESTALE to others than the mounter: the kernel looks again then, and sees who may.
    Outcome<FoundNode> create(NodeId folder, std::string_view name, mode_t mode, int flags,
                              const std::optional<Requester>& requester = {});
    Outcome<OpenedFile> open(NodeId id, int flags);
    Outcome<void> close(NodeId id);
    // The view is of memory of this thread's, until its next call.
    Outcome<base::ByteView> read(NodeId id, std::uint64_t offset, std::size_t size);
    // `drops_privileges`: the writer may not keep a set-user-ID or set-group-ID bit alive.
    Outcome<void> write(NodeId id, std::uint64_t offset, base::ByteView bytes,
                        bool drops_privileges);
    Outcome<void> sync(NodeId id, bool only_data);

    // As the system calls of these names. The header's attribute is not there for anybody.
    Outcome<std::size_t> get_attribute(NodeId id, const char* name, base::ByteSpan value);
    Outcome<std::vector<char>> list_attributes(NodeId id);
    Outcome<void> set_attribute(NodeId id, const char* name, base::ByteView value, int flags);
    Outcome<void> remove_attribute(NodeId id, const char* name);

    // Forgets the keys and all that is plain of every file, open ones included, and waits for who
    // uses them. They are looked for anew when they are needed. Gives the nodes of which the kernel
    // may have pages.
    std::vector<NodeId> drop_contents();

  private:
    using NodePointer = std::shared_ptr<Node>;

    // A place in the lower folder: its folder, a way there and the lower name.
    struct LowerPlace {
        NodePointer folder;
        Descriptor way;
        std::string name;
    };

    struct AttributeWay {
        std::shared_ptr<OpenLower> lower;  // or
        Descriptor descriptor;             // this
        std::string path = {};             // by which the descriptor is reached
    };

    // A descriptor, or what else `make` gives; its errno if it is negative.
    template <typename Make>
    Outcome<int> make_as(const std::optional<Requester>& requester, Make make);
    Outcome<NodePointer> node(NodeId id);
    Outcome<AttributeWay> attribute_way(Node& node);
    Outcome<LowerPlace> place(NodeId folder, std::string_view plain);
    Outcome<FoundNode> find_made(const LowerPlace& place);
    Outcome<void> hold_before_removal(const LowerPlace& place);
    Outcome<struct stat> complete_status(Node& node);
    Outcome<std::uint64_t> plain_size(Node& node, const struct stat& status,
                                      const LowerPlace* place);
    Outcome<std::uint64_t> read_size(Node& node, const struct stat& status,
                                     const LowerPlace* place);
    Outcome<base::UniqueFd> open_node(Node& node, int flags);
    Outcome<base::UniqueFd> open_own(Node& node, const LowerPlace* place, int flags, mode_t rights);
    Outcome<FreshDescriptor> open_own_lower(Node& node, bool for_writing);
    Outcome<void> check_mode(const Node& node, int flags) const;
    Outcome<std::string> read_target(int folder, const char* name);
    Outcome<FoundNode> open_existing(const LowerPlace& place, int flags);
    Outcome<void> load_contents(Node& node, bool for_writing);
    Outcome<FileContents*> contents(Node& node);
    Outcome<void> change_locked(Node& node, const AttributeChange& change);
    Outcome<void> change_size(Node& node, std::uint64_t size, bool drops_privileges);
    void close_locked(Node& node);

    NodeTable nodes_;
    MountKeys& keys_;
    mount::FolderOptions options_;
    bool keeps_privileges_;  // this process, when it writes
    bool passes_modes_;      // this process, for who the kernel lets use the mount
    bool kernel_checks_modes_ = false;
    bool serves_others_ = false;
    Pace writing_;
    Pace syncing_;
};

}  // namespace ecryptfs::fuse
