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

// A regular file in a lower folder, opened for reading.
struct LowerFile {
    base::UniqueFd fd;
    struct stat status{};
    std::vector<std::uint8_t> header_bytes;  // what `header` has views of
    // None: no eCryptfs marker, neither in front nor in the extended attribute.
    std::optional<lower::Header> header;
    bool header_in_attribute = false;

    bool empty() const { return status.st_size == 0 && !header; }
    std::uint64_t lower_size() const { return static_cast<std::uint64_t>(status.st_size); }
    // Where the encrypted contents begin.
    std::uint64_t data_offset() const {
        return header_in_attribute ? 0 : header.value().size_at_front;
    }
};

// Opens `name` in the folder of a descriptor, without following a link, and reads its header; never
// waits, as a FIFO would make it. kNotFound, kAccessDenied, kInvalidArgument for what is no regular
// file; kMalformed for a header that has the marker and cannot be read nevertheless.
base::Result<LowerFile> open_lower_file(int folder, const std::string& name);

// How much encrypted contents is missing at the end; 0 for a whole file. Bytes.
std::uint64_t missing_at_end(const LowerFile& file);

// Bytes of encrypted contents behind the end that the header says, if that is more than a crash of
// the kernel leaves when all is well: a page, whose size the header's tells. Else 0.
std::uint64_t data_beyond_size(const LowerFile& file);

}  // namespace ecryptfs::lowerfs
