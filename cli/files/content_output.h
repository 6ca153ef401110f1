// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// Takes decrypted contents, in order.
class ContentOutput {
  public:
    ContentOutput() = default;
    ContentOutput(const ContentOutput&) = delete;
    ContentOutput& operator=(const ContentOutput&) = delete;
    virtual ~ContentOutput() = default;

    // `offset` counts from the first byte that the output gets.
    virtual base::Result<void> write(std::uint64_t offset, base::ByteView bytes) = 0;
    virtual base::Result<void> finish(std::uint64_t size) = 0;
};

// Writes into an empty file. Zeros become holes.
class FileOutput : public ContentOutput {
  public:
    explicit FileOutput(int fd) : fd_(fd) {}
    base::Result<void> write(std::uint64_t offset, base::ByteView bytes) override;
    base::Result<void> finish(std::uint64_t size) override;

  private:
    int fd_;
};

// Writes to a pipe or a terminal, without gaps.
class StreamOutput : public ContentOutput {
  public:
    explicit StreamOutput(int fd) : fd_(fd) {}
    base::Result<void> write(std::uint64_t offset, base::ByteView bytes) override;
    base::Result<void> finish(std::uint64_t) override { return {}; }

  private:
    int fd_;
};

}  // namespace ecryptfs::cli
