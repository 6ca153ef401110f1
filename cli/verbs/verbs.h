// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <span>

#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

// All verbs, in the order of --help.
std::span<const Verb> verbs();

}  // namespace ecryptfs::cli
