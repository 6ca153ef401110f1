// SPDX-License-Identifier: Apache-2.0
//
// What status prints. The layout of the text may change: scripts take --json.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "cli/agent/state.h"
#include "cli/mount/mounted_folder.h"

namespace ecryptfs::cli {

std::string status_text(const ManagerState& manager, const AgentObjects& objects,
                        std::span<const MountedFolder> mounts, std::uint64_t now_usec);

// A line for each mount, with the state that the agent has its keys in. Empty if there is no mount.
std::string mounts_text(std::span<const MountedFolder> mounts, std::span<const AgentKey> keys);

std::string status_json(const ManagerState& manager, const AgentObjects& objects,
                        std::span<const MountedFolder> mounts);

}  // namespace ecryptfs::cli
