// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-mount-helper, which keeps root's rights while the rest of ecryptfsctl gives them up.

#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>

#include "cli/mount/caller.h"
#include "lib/base/handle.h"
#include "lib/mount/helper_protocol.h"

namespace ecryptfs::cli {

// The advice on a helper that is not of this build, or is none.
inline constexpr char kInstallAdvice[] = "install the package ecryptfs-agent anew";

// Takes one request. The destructor waits for the end of its process.
class MountHelper {
  public:
    // By root. It works for this user, and cannot be signalled by it. kInternal, with why, for one
    // that cannot be started.
    static base::Result<MountHelper> start(uid_t user, const char* program);
    MountHelper(MountHelper&& other) noexcept;
    MountHelper& operator=(MountHelper&&) = delete;
    MountHelper(const MountHelper&) = delete;
    MountHelper& operator=(const MountHelper&) = delete;
    ~MountHelper();

    // Descriptors as the request wants them (helper_protocol.h); borrowed. kInternal for a helper
    // that gives no answer, with why.
    base::Result<mount::Reply> ask(const mount::Request& request, std::span<const int> descriptors);

  private:
    MountHelper(pid_t pid, base::UniqueFd socket, std::string program)
        : pid_(pid), socket_(std::move(socket)), program_(std::move(program)) {}

    base::Error no_answer(int error_number);

    pid_t pid_;
    base::UniqueFd socket_;
    std::string program_;
};

// The user that `mount` or `umount` works for, and the helper for what only root may do.
struct MountSession {
    Caller caller;
    std::optional<MountHelper> helper = {};     // none if root did not start the program
    std::optional<base::Error> no_helper = {};  // why root has none to unmount
};

enum class SessionTask : std::uint8_t { kPrint, kMountInUserSpace, kMountByKernel, kUnmount };

// Switches the process for good to the user whose files, keyrings and bus it uses. Tokens are found
// in the user's keyring, and in the session's if it belongs to the user, but never in root's. The
// helper is for the kernel's mounts. Errors of find_caller(), become() and MountHelper::start().
base::Result<MountSession> start_mount_session(const std::optional<std::string>& user,
                                               SessionTask task);

}  // namespace ecryptfs::cli
