// SPDX-License-Identifier: Apache-2.0
//
// The kernel's side: mounts, and hands the requests of /dev/fuse to a Filesystem, by libfuse's
// low-level interface.

#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fuse/filesystem.h"
#include "fuse/handlers.h"
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
    // Closes /dev/fuse. To unmount is left to Unmounter.
    ~Session() = default;

    // Until it is unmounted, or one of SIGHUP, SIGINT and SIGTERM comes. What is being done then is
    // done.
    base::Result<void> serve();

    // Has the kernel forget the pages of a file. Not for the thread that serves: the kernel waits
    // for pages that it is reading.
    void invalidate(NodeId id);

  private:
    explicit Session(std::unique_ptr<Mounted> mounted) : mounted_(std::move(mounted)) {}

    struct Destroy {
        void operator()(fuse_session* session) const noexcept;
    };
    std::unique_ptr<Mounted> mounted_;  // longer than the session, which has its address
    std::unique_ptr<fuse_session, Destroy> session_;
};

}  // namespace ecryptfs::fuse
