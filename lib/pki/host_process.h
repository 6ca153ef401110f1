// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::pki {

// Where the parts of the product are.
struct HostPaths {
    std::string host_program;   // ecryptfs-pki-host
    std::string module_folder;  // holds NAME.so of each module
};

// An ecryptfs-pki-host, which leads a session and a process group of its own, and the sockets to
// it. The caller reaps the process, and reads both sockets by receive_packet() only.
struct HostProcess {
    pid_t pid;
    base::UniqueFd socket;
    base::UniqueFd text;  // what it writes on standard error; lost when nobody reads it
};

// What a host is started for. Only one that makes keys may write files whatever its module needs.
enum class HostTask { kUseKeys, kMakeKeys };

// What a host that makes keys is told after its module's path.
inline constexpr char kMakeKeysArgument[] = "--make-keys";

// Starts a host with a module, and does not wait for it: what goes wrong in the child shows as its
// end. It dies with this thread. Throws base::Failure: kModuleFailed.
HostProcess start_host(const HostPaths& paths, const std::string& module, HostTask task);

// Kills a host that was not reaped yet, with all programs that its module has started.
void kill_host(pid_t pid);

// Why a host is no more: `code` and `status` as siginfo_t has them, si_code and si_status.
base::Error host_ended(const HostPaths& paths, int code, int status);

}  // namespace ecryptfs::pki
