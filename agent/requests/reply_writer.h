// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"

namespace ecryptfs::agent {

enum class WriteOutcome : std::uint8_t {
    kTaken,   // by the other side, or kept to be written as soon as that takes it
    kRefused  // the opener has given up, or the device is gone
};

// Where replies go: the device, a channel, or a fake in tests.
class ReplyWriter {
  public:
    ReplyWriter() = default;
    ReplyWriter(const ReplyWriter&) = delete;
    ReplyWriter& operator=(const ReplyWriter&) = delete;
    virtual ~ReplyWriter() = default;

    virtual WriteOutcome write(base::ByteView frame) = 0;
};

}  // namespace ecryptfs::agent
