// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/vm/user_session.h"

namespace ecryptfs::vm {

// What the tests give to mount(8) for keys of these signatures.
std::string mount_options(const std::vector<std::string>& signatures, int key_bytes = 16);

// An eCryptfs mount of a user: the kernel finds the keys in the session's keyrings. Its folders are
// on a tmpfs and belong to the user. Unmounted when this object goes.
class Mount {
  public:
    // Nothing is mounted yet. Borrows the session.
    Mount(const UserSession& session, const std::string& name);
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    ~Mount();

    const std::filesystem::path& lower() const { return lower_; }
    const std::filesystem::path& upper() const { return upper_; }

    void mount(const std::string& options);
    // With the user's own command, which in the guest takes a second.
    void mount_by_sudo(const std::string& options);
    void unmount();
    // Each file's key must be decrypted again then: the kernel keeps it with the mount's inodes.
    void mount_anew();

  private:
    const UserSession& session_;
    std::filesystem::path folder_;
    std::filesystem::path lower_;
    std::filesystem::path upper_;
    std::string options_;
    bool is_mounted_ = false;
};

}  // namespace ecryptfs::vm
