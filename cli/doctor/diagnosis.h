// SPDX-License-Identifier: Apache-2.0
//
// The links of the chain from the kernel to a key, each checked by itself. `root` is put before the
// paths of the system's files: it is empty except in tests.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/agent/state.h"
#include "cli/mount/mounted_folder.h"
#include "lib/base/error.h"
#include "lib/pki/host_process.h"

namespace ecryptfs::cli {

enum class Health : std::uint8_t {
    kWorks,
    kDoubtful,  // works, but maybe not for long, or not for everything
    kBroken,
    kUnknown,  // could not be checked, since an earlier link is broken
};

// "works", "doubtful", "broken", "unknown".
std::string_view health_name(Health health);

struct Finding {
    std::string link;
    Health health = Health::kWorks;
    std::string message = {};
    std::string advice = {};  // how to mend it; empty where there is nothing to mend
};

// A line for each link, and below it how to mend it.
std::string findings_text(std::span<const Finding> findings);
// What doctor --json prints (docs/json.md).
std::string findings_json(std::span<const Finding> findings);

Finding broken(std::string link, const base::Error& error);

// --- The system ---------------------------------------------------------------------------------

Finding check_kernel(const std::string& root);
Finding check_public_key_mode(const std::string& root);
Finding check_device_node(const std::string& root);
Finding check_key_quota(const std::string& root, uid_t uid);
// Checks the limit of that process: the memory that the agent locks counts against its own limit.
Finding check_memory_lock(const std::string& root, pid_t pid);

// Checks that no ecryptfsd runs, which would take the device from the agent.
Finding check_old_daemon(const std::string& root, uid_t uid);

// Checks that this session's keyring links the user keyring, which has the tokens.
Finding check_session_keyring();

// Checks what mounts in user space need: /dev/fuse, fusermount3 unless the user is root, and
// ecryptfs-fuse.
std::vector<Finding> check_user_space(const std::string& root, uid_t uid);

// There are two ways to mount. If one works, what the other lacks is doubtful, not broken.
void accept_one_way(std::vector<Finding>& findings);

// Checks that the kernel's mounts of this user find their keys, and that the programs of those in
// user space run.
std::vector<Finding> check_mounts(const std::vector<MountedFolder>& mounts, uid_t uid);

// --- The agent ----------------------------------------------------------------------------------

Finding check_agent(const ManagerState& manager, std::string_view own_version);
// Checks that the agent holds the device; if not, finds the process that does.
Finding check_device_holder(const ManagerState& manager, const std::string& root, uid_t uid);
// Checks that the agent knows the tokens of our user keyring.
Finding check_common_keyring(const std::vector<AgentKey>& keys);
Finding check_key(const AgentKey& key);

// --- The modules --------------------------------------------------------------------------------

// Checks that each module can be loaded, and counts the tokens that it finds.
std::vector<Finding> check_modules(const pki::HostPaths& paths);

}  // namespace ecryptfs::cli
