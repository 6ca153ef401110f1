// SPDX-License-Identifier: Apache-2.0
//
// What list-keys and status show to people. The layout may change: scripts take --json.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/agent/state.h"
#include "cli/doctor/diagnosis.h"
#include "cli/mount/mounted_folder.h"

namespace ecryptfs::cli {

std::string key_list_text(std::span<const AgentKey> keys);
// A line a mount; empty if there is none. Keys are said to be what the agent has them as.
std::string mounts_text(std::span<const MountedFolder> mounts, std::span<const AgentKey> keys);
std::string status_text(const ManagerState& manager, const AgentObjects& objects,
                        std::span<const MountedFolder> mounts, std::uint64_t now_usec);
// A line a link, and below it how to mend it.
std::string findings_text(std::span<const Finding> findings);

}  // namespace ecryptfs::cli
