// SPDX-License-Identifier: Apache-2.0
//
// What a file or folder has beside its contents: owner, mode, times, access control list, the
// user's extended attributes. All by descriptors.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace ecryptfs::cli {

// Of how many files and folders something was not kept.
struct LostAttributes {
    std::uint64_t owners = 0;  // or groups, modes, times: FAT and its like have none
    std::uint64_t acls = 0;
    std::uint64_t user_attributes = 0;
    std::uint64_t privileges = 0;  // setuid, setgid, capabilities: never kept
};

// Gives one file or folder, step by step, what another one has. What the target has no room for is
// counted; nobody gets more rights by it.
class AttributeCopy {
  public:
    // Borrows all. `from` is open, and `status` is its own; -1: all but that is unknown.
    AttributeCopy(int from, const struct stat& status, int to, LostAttributes& lost)
        : from_(from), status_(status), to_(to), lost_(lost) {}

    // The owner as root only, else the group if we are in it.
    void give_owner();
    // Those in `user.`, without the header's own; a folder's default access control list.
    void give_attributes();
    // And the access control list, if the group is kept. Never setuid and setgid: what is decrypted
    // is somebody's data, which is not to run with anybody's rights.
    void give_mode();
    // The last step, as others change them.
    void give_times();

  private:
    bool copy_user_attribute(const std::string& name);
    void copy_default_list();
    void note_lost_owner();

    int from_;
    const struct stat& status_;
    int to_;
    LostAttributes& lost_;
    bool lost_owner_ = false;
};

}  // namespace ecryptfs::cli
