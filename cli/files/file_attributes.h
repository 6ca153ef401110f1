// SPDX-License-Identifier: Apache-2.0
//
// The attributes of a file or folder: owner, mode, times, access control list, the user's extended
// attributes. All by descriptors.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

namespace ecryptfs::cli {

// How many files and folders have lost an attribute.
struct LostAttributes {
    std::uint64_t owners = 0;  // or groups, modes, times: FAT and its like have none
    std::uint64_t acls = 0;
    std::uint64_t user_attributes = 0;
    std::uint64_t privileges = 0;  // setuid, setgid, capabilities: never kept
};

// Copies the attributes of one file or folder to another, step by step. Counts those that the
// target cannot have. Nobody gets more rights by it.
class AttributeCopy {
  public:
    // Borrows all. `status` is that of `from`, which is open, or -1 if only the status is known.
    AttributeCopy(int from, const struct stat& status, int to, LostAttributes& lost)
        : from_(from), status_(status), to_(to), lost_(lost) {}

    // The owner only as root; otherwise the group, if we are in it.
    void give_owner();
    // Those in `user.`, without eCryptfs' header; and a folder's default access control list.
    void give_attributes();
    // The mode, and the access control list if the group is kept. Never setuid and setgid:
    // decrypted data must not run with anybody's rights.
    void give_mode();
    // The last step, as the others change the times.
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
