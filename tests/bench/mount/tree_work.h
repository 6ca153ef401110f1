// SPDX-License-Identifier: Apache-2.0
//
// What is done to a tree of small files by the programs that people use: each gives its seconds.

#pragma once

#include <filesystem>

#include "tests/bench/mount/sides.h"

namespace ecryptfs::bench {

// A tar archive of a git repository of some thousand small files, the same each time.
std::filesystem::path make_archive(const std::filesystem::path& place);

double untar(MountSide& side, const std::filesystem::path& archive);
// Each mounts anew before.
double list_all(MountSide& side);
double find_all(MountSide& side);
double read_all(MountSide& side);
double git_status_cold(MountSide& side);
double git_status_warm(MountSide& side);  // once more
double remove_all(MountSide& side);
// MB of the serving process that are its own share (PSS).
double memory(const MountSide& side);

}  // namespace ecryptfs::bench
