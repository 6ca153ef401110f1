// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "cli/mount/plan.h"

namespace ecryptfs::cli {

std::string mounted_json(const MountPlan& plan, std::span<const std::string> warnings);
std::string unmounted_json(const MountedFolder& mount,
                           std::span<const wire::KeySignature> unlinked);

// A mount in the list of status --json.
nlohmann::ordered_json mount_json(const MountedFolder& mount);

}  // namespace ecryptfs::cli
