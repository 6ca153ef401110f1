// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/confinement/call_filter.h"

namespace ecryptfs::confinement {

// Has a filter that refuses what is unlisted allow what a process can do to itself: use memory,
// threads, time and its open descriptors, and read files.
void allow_harmless_calls(CallFilter& filter);

}  // namespace ecryptfs::confinement
