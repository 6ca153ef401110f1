// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::pki {

// Where the host program and the modules are.
struct HostPaths {
    std::string host_program;   // ecryptfs-pki-host
    std::string module_folder;  // holds NAME.so of each module
};

// A running ecryptfs-pki-host and the sockets to it. It leads a session and a process group of its
// own. The caller reaps the process, and reads both sockets by receive_packet() only.
struct HostProcess {
    pid_t pid;
    base::UniqueFd socket;
    base::UniqueFd text;  // its standard error; text that nobody reads is lost
};

// A host that makes keys may write files, even if its module does not need to.
enum class HostTask { kUseKeys, kMakeKeys };

// The argument, after the module's path, of a host that makes keys.
inline constexpr char kMakeKeysArgument[] = "--make-keys";

// Starts a host with a module, without waiting for it: a failure in the child shows as its end. The
// host dies with this thread. Throws base::Failure: kModuleFailed.
HostProcess start_host(const HostPaths& paths, const std::string& module, HostTask task);

// Kills a host, with all programs that its module has started. The host must not be reaped yet.
void kill_host(pid_t pid);

// Says how a host ended. `code` and `status` are si_code and si_status of siginfo_t.
base::Error host_ended(const HostPaths& paths, int code, int status);

}  // namespace ecryptfs::pki
