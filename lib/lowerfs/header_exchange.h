// SPDX-License-Identifier: Apache-2.0
//
// Writes another header into a lower file, and leaves everything else as it is.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/error.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::lowerfs {

// A file and the header that it is to get.
struct HeaderExchange {
    LowerFile file;
    std::vector<std::uint8_t> header;  // up to its last packet, and the same as before up to those
};

// The bytes that change in front of the contents.
struct ChangedBytes {
    std::size_t offset = 0;
    std::vector<std::uint8_t> before;
    std::vector<std::uint8_t> after;  // as many
};

// Of a header in front of the contents; empty if nothing changes. Behind the last packet zeros
// follow. The kernel reads nothing that is behind these bytes.
ChangedBytes changed_bytes(const HeaderExchange& exchange);

// Replaces the header by one call, if the file still has that which was read. Mode and modification
// time stay. A file that its owner may not write to is made writable while this opens it. kBusy if
// the header has changed meanwhile; kAccessDenied; kInternal if what was written cannot be read.
base::Result<void> exchange_header(const HeaderExchange& exchange);

// Puts changed bytes into an open file, as above, whatever is in their place.
base::Result<void> write_changed_bytes(int fd, const ChangedBytes& change);

}  // namespace ecryptfs::lowerfs
