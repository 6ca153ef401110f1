// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/file_key.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::cli {

// A part of a file's contents, bytes from its beginning.
struct FileRange {
    std::uint64_t first;
    std::uint64_t size;
};

// Where decrypted contents go, in their order.
class ContentOutput {
  public:
    ContentOutput() = default;
    ContentOutput(const ContentOutput&) = delete;
    ContentOutput& operator=(const ContentOutput&) = delete;
    virtual ~ContentOutput() = default;

    // `offset`: from the first byte that goes there.
    virtual base::Result<void> write(std::uint64_t offset, base::ByteView bytes) = 0;
    virtual base::Result<void> finish(std::uint64_t size) = 0;
};

// An empty file. Zeros become holes.
class FileOutput : public ContentOutput {
  public:
    explicit FileOutput(int fd) : fd_(fd) {}
    base::Result<void> write(std::uint64_t offset, base::ByteView bytes) override;
    base::Result<void> finish(std::uint64_t size) override;

  private:
    int fd_;
};

// A pipe or a terminal, or whatever is written to in one go.
class StreamOutput : public ContentOutput {
  public:
    explicit StreamOutput(int fd) : fd_(fd) {}
    base::Result<void> write(std::uint64_t offset, base::ByteView bytes) override;
    base::Result<void> finish(std::uint64_t) override { return {}; }

  private:
    int fd_;
};

// All that a file's owner sees of it.
FileRange whole_contents(const lowerfs::LowerFile& file);
// What is encrypted behind that, up to the last whole block.
FileRange contents_beyond_size(const lowerfs::LowerFile& file);

// Whether a copy of the file's size, open for reading, has its contents: its first and last extents
// are compared, as far as they can be read. An error is one of the key, or of the copy.
base::Result<bool> has_same_ends(const lowerfs::LowerFile& file, const lower::FileKey& key,
                                 int copy);

// Whether a key that a passphrase's packet gave may be damaged: nothing in the packet would show
// it. The kernel fills the last extent up with zeros, of which a wrong key makes noise. False where
// too few bytes are left to tell, or more extents follow, as after a crash.
bool may_be_of_damaged_key(const LowerFile& file, const lower::FileKey& key);
// What to say then.
std::string damaged_key_warning();

// For a file with so many bytes behind its end.
base::Error beyond_size_error(std::uint64_t bytes);

// Decrypts contents, up to a mebibyte at a time. Gives what is lost, in its order: what cannot be
// read, and where there are zeros in the place of encrypted data, which the kernel never writes,
// both zeros in the output; and what the lower file ends before, where the output ends too. An
// error is one of the output, or kNotSupported. `wrote` is told how many bytes are done.
base::Result<std::vector<FileRange>> decrypt_contents(
    const lowerfs::LowerFile& file, const lower::FileKey& key, const FileRange& range,
    ContentOutput& output, const std::function<void(std::uint64_t)>& wrote);

// "4096 of its 12288 bytes are lost, from byte 8192"
std::string losses_in_words(const std::vector<FileRange>& lost, std::uint64_t size);

}  // namespace ecryptfs::cli
