// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/lower/header.h"

namespace ecryptfs::lowerfs {

// A header as it is in a file.
struct FoundHeader {
    std::vector<std::uint8_t> bytes;  // none if there is no eCryptfs marker in either place
    bool in_attribute = false;        // the extended one, not in front of the contents
};

// Up to `size` bytes of the header of an open file. In front first, as the kernel does (crypto.c:
// ecryptfs_read_metadata). Leaves the descriptor's position.
base::Result<FoundHeader> find_header(int fd, std::size_t size = lower::kMaxHeader);

// A regular file in a lower folder, opened for reading.
struct LowerFile {
    base::UniqueFd fd;
    struct stat status{};
    std::vector<std::uint8_t> header_bytes;  // `header` has views of them
    // Nothing if there is no eCryptfs marker, neither in front nor in the extended attribute.
    std::optional<lower::Header> header;
    bool header_in_attribute = false;

    bool empty() const { return status.st_size == 0 && !header; }
    std::uint64_t lower_size() const { return static_cast<std::uint64_t>(status.st_size); }
    // Where the encrypted contents begin.
    std::uint64_t data_offset() const {
        return header_in_attribute ? 0 : header.value().size_at_front;
    }
};

// Opens `name` in the folder of a descriptor, or a path with AT_FDCWD, and reads its header. In a
// folder, links are not followed. Never waits, not even for a FIFO. kNotFound, kAccessDenied,
// kInvalidArgument for anything but a regular file, kMalformed for a header that has the marker but
// cannot be read.
base::Result<LowerFile> open_lower_file(int folder, const std::string& name);

// How many bytes of encrypted contents are missing at the end; 0 for a whole file.
std::uint64_t missing_at_end(const LowerFile& file);

// How many bytes of encrypted contents lie behind the header's end. 0 if that is not more than a
// page: so much may be left where nothing was lost. The header's size tells that of a page.
std::uint64_t data_beyond_size(const LowerFile& file);

}  // namespace ecryptfs::lowerfs
