// SPDX-License-Identifier: Apache-2.0
//
// The JSON of the verbs that read lower files; shapes are documented in docs/json.md.

#pragma once

#include <string>
#include <vector>

#include "cli/files/decrypt_record.h"
#include "cli/files/inspection.h"
#include "cli/files/path_search.h"
#include "cli/files/rekey_record.h"

namespace ecryptfs::cli {

std::string decrypted_json(const DecryptCounts& counts);

std::string rekeyed_json(const RekeyCounts& counts, bool is_dry_run);

// The output of inspect --find.
std::string found_paths_json(const std::vector<FoundPath>& paths);

// inspect's object in parts, so that a large tree needs no more memory: the start, the files with
// separators between them, the end.
inline constexpr std::string_view kInspectionStart = "{\n  \"files\": [";
inline constexpr std::string_view kInspectionSeparator = ",";
std::string inspected_file_json(const InspectedFile& file);
std::string inspection_end_json(const InspectionSummary& summary);

}  // namespace ecryptfs::cli
