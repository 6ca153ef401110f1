// SPDX-License-Identifier: Apache-2.0

#include "cli/files/content_output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/files/file_error.h"
#include "lib/base/file_io.h"
#include "lib/base/try.h"
#include "lib/base/zeros.h"
#include "lib/lower/header.h"
#include "lib/lowerfs/content_reader.h"

namespace ecryptfs::cli {
namespace {

using base::ByteView;
using base::Result;
using lower::kExtentSize;

Result<void> write_to_file(int fd, std::uint64_t offset, ByteView bytes) {
    while (!bytes.empty()) {
        const auto count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return std::unexpected(file_error("writing", errno));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

// Writes all but the extents that are zero.
Result<void> write_sparsely(int fd, std::uint64_t offset, ByteView bytes) {
    std::size_t start = 0;  // of what has to be written
    for (std::size_t at = 0; at < bytes.size(); at += kExtentSize) {
        const auto extent = bytes.subspan(at, std::min(kExtentSize, bytes.size() - at));
        if (!base::is_zero(extent)) {
            continue;
        }
        TRY(write_to_file(fd, offset + start, bytes.subspan(start, at - start)));
        start = at + extent.size();
    }
    return write_to_file(fd, offset + start, bytes.subspan(start));
}

}  // namespace

Result<void> FileOutput::write(std::uint64_t offset, ByteView bytes) {
    return write_sparsely(fd_, offset, bytes);
}

Result<void> FileOutput::finish(std::uint64_t size) {
    return ::ftruncate(fd_, static_cast<off_t>(size)) == 0
               ? Result<void>()
               : std::unexpected(file_error("writing", errno));
}

Result<void> StreamOutput::write(std::uint64_t, ByteView bytes) {
    return base::write_all(fd_, bytes) ? Result<void>()
                                       : std::unexpected(file_error("writing", errno));
}

}  // namespace ecryptfs::cli
