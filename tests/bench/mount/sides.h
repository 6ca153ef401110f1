// SPDX-License-Identifier: Apache-2.0
//
// The file systems that are compared: the bare folder, gocryptfs and ecryptfs-fuse on folders
// beside it.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>

namespace ecryptfs::bench {

class MountSide {
  public:
    MountSide() = default;
    MountSide(const MountSide&) = delete;
    MountSide& operator=(const MountSide&) = delete;
    virtual ~MountSide() = default;

    // Where plain files are.
    virtual std::filesystem::path path() const = 0;
    // Unmounts and mounts again: what was cached of it is not any more.
    virtual void mount_anew() = 0;
    // The process that serves it; 0 for none.
    virtual pid_t pid() const = 0;
};

// Each makes folders of its own in `place`.
std::unique_ptr<MountSide> bare_folder(const std::filesystem::path& place);
std::unique_ptr<MountSide> gocryptfs(const std::filesystem::path& place);
// Names are encrypted, too.
std::unique_ptr<MountSide> ecryptfs_fuse(const std::filesystem::path& place);

}  // namespace ecryptfs::bench
