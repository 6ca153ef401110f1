// SPDX-License-Identifier: Apache-2.0
//
// The plain contents of a lower file. What is written is as the kernel would have written it
// (docs/fuse.md): whole extents, no holes, zeros behind the end, and the size in the
// header last, so that a crash leaves a shorter file and no garbage in it.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "fuse/outcome.h"
#include "lib/base/bytes.h"
#include "lib/base/handle.h"
#include "lib/lower/extent_cipher.h"
#include "lib/lower/header.h"

namespace ecryptfs::fuse {

// Where a file's size and contents are in its lower file.
struct ContentsPlace {
    bool header_in_attribute = false;
    std::uint64_t data_offset = 0;  // bytes; 0 with the header in the attribute
};

struct ContentsSizes {
    std::uint64_t plain = 0;  // that the header says
    std::uint64_t lower = 0;  // of the whole lower file
};

// One thread at a time.
class FileContents {
  public:
    // To fill up by more takes its time, bytes.
    static constexpr std::uint64_t kQuickGrowth = std::uint64_t{1} << 20;

    // Borrows `fd`, which is open for reading, or for both. A file that has lost its end has as
    // much as is left of it.
    FileContents(const base::UniqueFd& fd, const ContentsPlace& place, const ContentsSizes& sizes,
                 lower::ExtentCipher extents);
    FileContents(FileContents&&) = default;
    FileContents& operator=(FileContents&&) = default;
    FileContents(const FileContents&) = delete;
    FileContents& operator=(const FileContents&) = delete;
    ~FileContents();  // wipes what is plain

    std::uint64_t size() const { return size_; }
    // Whether the lower file has changed, so far.
    bool was_written() const { return was_written_; }

    // What is there from `offset` on, `size` bytes at most. The view is of memory of this thread's,
    // until its next call for any file. EIO for an extent of zeros, which nobody has ever
    // encrypted: the file lost it.
    Outcome<base::ByteView> read(std::uint64_t offset, std::size_t size);

    // Bytes between the end and `offset` become zeros. After an error the size covers what was
    // written whole of `bytes`. EFBIG beyond the largest file; ENOSPC and what else the lower file
    // gives; EINTR as of resize().
    Outcome<void> write(std::uint64_t offset, base::ByteView bytes);

    // Cuts the file, or fills it up with zeros. After an error in filling it up it is what it was.
    // EINTR where it has more than a MiB to fill up and a signal comes (fuse/interruption.h).
    Outcome<void> resize(std::uint64_t size);

  private:
    Outcome<void> read_extents(std::uint64_t first, base::ByteSpan extents);
    Outcome<void> write_extents(std::uint64_t first, base::ByteView plain);
    Outcome<void> load_edge(std::uint64_t extent, base::ByteSpan plain);
    Outcome<void> write_whole(std::uint64_t offset, base::ByteView bytes);
    Outcome<void> write_within(std::uint64_t offset, base::ByteView bytes);
    Outcome<void> fill_with_zeros(std::uint64_t end);
    Outcome<void> append_zeros(std::uint64_t end);
    Outcome<void> cut(std::uint64_t size);
    Outcome<void> store_size(std::uint64_t size);

    int fd_;
    ContentsPlace place_;
    lower::ExtentCipher extents_;
    std::uint64_t size_;
    bool was_written_ = false;
    // The plain last extent that was written, if it was not full: small writes go on there.
    std::optional<std::uint64_t> edge_;
    std::array<std::uint8_t, lower::kExtentSize> edge_bytes_;
};

}  // namespace ecryptfs::fuse
