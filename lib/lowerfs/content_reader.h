// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/extent_cipher.h"
#include "lib/lower/extent_offsets.h"
#include "lib/lower/file_key.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::lowerfs {

// The contents as the file's owner sees them.
lower::FileRange whole_contents(const LowerFile& file);
// Encrypted data behind that, up to the last whole cipher block.
lower::FileRange contents_beyond_size(const LowerFile& file);

// Decrypts the contents of a lower file at any offset. One thread at a time.
class ContentReader {
  public:
    // Gives nothing behind `end`, which is range_end(whole_contents(file)) for what the owner sees.
    // Borrows the file. kNotSupported for a cipher that OpenSSL does not have.
    static base::Result<ContentReader> create(const LowerFile& file, const lower::FileKey& key,
                                              std::uint64_t end);

    // Where the contents end: `end`, or before it if the lower file was cut. Then in whole cipher
    // blocks.
    std::uint64_t size() const { return size_; }

    struct Reading {
        std::size_t size = 0;  // less than asked for at the end only
        // Zeros in `out` because the lower file cannot be read there, or has zeros in the place of
        // encrypted data, which the kernel never writes. Offsets in the plain file, in order.
        std::vector<lower::FileRange> lost;
    };
    // Fills `out` with the contents from `offset` on. Behind the contents' end, too, `out` may be
    // written to. Fastest for whole extents.
    base::Result<Reading> read(std::uint64_t offset, base::ByteSpan out);

  private:
    ContentReader(const LowerFile& file, std::uint64_t size, lower::ExtentCipher extents);
    base::Result<void> read_extents(std::uint64_t number, base::ByteSpan extents,
                                    const lower::FileRange& wanted, Reading& reading);

    int fd_;
    std::uint64_t data_offset_;
    std::uint64_t size_;
    lower::ExtentCipher extents_;
    std::vector<std::uint8_t> edge_;  // an extent that is wanted in part
};

// Adds a range behind the others. One that begins where the last one ends makes that longer.
void append_range(std::vector<lower::FileRange>& ranges, const lower::FileRange& range);

}  // namespace ecryptfs::lowerfs
