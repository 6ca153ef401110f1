// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

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

}  // namespace ecryptfs::cli
