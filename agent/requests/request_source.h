// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"

namespace ecryptfs::agent {

// Says where a request came from, also to the next process: each channel has a number of its own.
using SourceNumber = std::uint32_t;
inline constexpr SourceNumber kDeviceSource = 0;

// Takes the frames of all sources. They may hold file keys.
class FrameTaker {
  public:
    FrameTaker() = default;
    FrameTaker(const FrameTaker&) = delete;
    FrameTaker& operator=(const FrameTaker&) = delete;
    virtual ~FrameTaker() = default;

    // Where to read the next frame of this source: zeros, and larger than any frame, so that a
    // frame that is too long shows.
    virtual base::ByteSpan room(SourceNumber source) = 0;
    // A frame as read, the front of what room() gave last. Whether it gets a reply, which may have
    // been written already.
    virtual bool take_frame(base::ByteView frame) = 0;
    // What was read there was no frame.
    virtual void discard_frame() = 0;
};

}  // namespace ecryptfs::agent
