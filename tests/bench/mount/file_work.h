// SPDX-License-Identifier: Apache-2.0
//
// What is done to one file of a file system: each gives its rate. They are done in the order of
// this list, as each leaves the file that the next one wants.

#pragma once

#include <cstddef>
#include <filesystem>

namespace ecryptfs::bench {

// How much is done, so that a run takes the time that it should.
struct WorkSizes {
    std::size_t file;          // bytes of the large file
    std::size_t small_writes;  // bytes written in small pieces
    int operations;            // at random offsets
    int synced;                // with fdatasync
};

// MB/s of a new file in pieces of 1 MiB, and of the same once more in pieces of 128 KiB.
double write_file(const std::filesystem::path& folder, const WorkSizes& sizes);
double rewrite_file(const std::filesystem::path& folder, const WorkSizes& sizes);
// MB/s of a new file in small pieces.
double write_pieces(const std::filesystem::path& folder, const WorkSizes& sizes, std::size_t piece);
// Nothing of the file is in the page cache of the mount. MB/s, and pieces of 4 KiB a second.
double read_file(const std::filesystem::path& folder, const WorkSizes& sizes);
double read_at_random(const std::filesystem::path& folder, const WorkSizes& sizes);
double write_at_random(const std::filesystem::path& folder, const WorkSizes& sizes);
double write_and_sync(const std::filesystem::path& folder, const WorkSizes& sizes);

}  // namespace ecryptfs::bench
