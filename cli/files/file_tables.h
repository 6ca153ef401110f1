// SPDX-License-Identifier: Apache-2.0
//
// inspect's output for people. The layout may change: scripts use --json.

#pragma once

#include <string>

#include "cli/files/inspection.h"

namespace ecryptfs::cli {

// A block: the path, what the header says, a table of the packets.
std::string inspected_file_text(const InspectedFile& file);

// The counts, and a table of the keys.
std::string inspection_summary_text(const InspectionSummary& summary);

}  // namespace ecryptfs::cli
