// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <span>
#include <string>

#include "cli/mount/plan.h"

namespace ecryptfs::cli {

std::string mounted_json(const MountPlan& plan, std::span<const std::string> warnings);
std::string unmounted_json(const MountedFolder& mount,
                           std::span<const wire::KeySignature> unlinked);

}  // namespace ecryptfs::cli
