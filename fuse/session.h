// SPDX-License-Identifier: Apache-2.0
//
// The kernel's side: mounts, and hands the requests of /dev/fuse to a Filesystem, by libfuse's
// low-level interface.

#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fuse/filesystem.h"
#include "lib/base/error.h"

struct fuse_session;

namespace ecryptfs::fuse {

class Session {
  public:
    // Mounts on `upper`. `options`: those of FUSE and of mount(8), without "-o". kInvalidArgument
    // for one that libfuse does not know; kNotSupported without /dev/fuse or fusermount3;
    // kAccessDenied. Borrows the file system.
    static base::Result<Session> mount(Filesystem& files, const std::filesystem::path& upper,
                                       const std::vector<std::string>& options);
    Session(Session&&) = default;
    Session& operator=(Session&&) = delete;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    // Until it is unmounted, or one of SIGHUP, SIGINT and SIGTERM comes, which unmount it.
    base::Result<void> serve();

  private:
    explicit Session(fuse_session* session) : session_(session) {}

    struct Destroy {
        void operator()(fuse_session* session) const noexcept;
    };
    std::unique_ptr<fuse_session, Destroy> session_;
};

}  // namespace ecryptfs::fuse
