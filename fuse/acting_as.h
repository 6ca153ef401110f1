// SPDX-License-Identifier: Apache-2.0
//
// Root's mount makes files for others. The lower file belongs to who asked from its first moment:
// the thread takes on their identity for the one system call that makes it. To make it as root and
// to give it away then would not do. A folder or a link has no descriptor before it has a name, and
// who may write to the lower folder could put something else of root's in its place. A file with
// set-user-ID would be root's for a moment.

#pragma once

#include <sys/types.h>

#include <optional>

#include "fuse/outcome.h"

namespace ecryptfs::fuse {

// Who asks: the file system's user and group of the program.
struct Requester {
    uid_t user = 0;
    gid_t group = 0;
};

// By its number in <linux/capability.h>: whether this thread has it now.
bool has_capability(unsigned number);

// Makes this process one that can act for others, before it starts threads. False if it may not:
// then all that it makes is its own. Its own supplementary groups go: nobody else is in them.
bool prepare_acting();

// As long as this lives this thread makes files as who asked, or as itself for nobody. It keeps the
// right to pass all modes: the kernel has checked them by the folder that it shows
// (default_permissions), with all groups of who asked, which this process does not know. The lower
// folder itself may be closed to them.
class ActingAs {
  public:
    explicit ActingAs(const std::optional<Requester>& requester);
    ActingAs(const ActingAs&) = delete;
    ActingAs& operator=(const ActingAs&) = delete;
    // Ends the process if it cannot be itself again.
    ~ActingAs();

    // EPERM if this thread is not who it should be: it must not make anything then.
    Outcome<void> outcome() const;

  private:
    bool changes_user_ = false;
    bool changes_group_ = false;
    bool succeeded_ = true;
};

}  // namespace ecryptfs::fuse
