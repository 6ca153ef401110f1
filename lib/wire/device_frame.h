// SPDX-License-Identifier: Apache-2.0
//
// Messages on /dev/ecryptfs (miscdev.c: ecryptfs_miscdev_read, ecryptfs_miscdev_write).

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::wire {

inline constexpr char kDevicePath[] = "/dev/ecryptfs";

enum class FrameType : std::uint8_t { kHelo = 100, kQuit = 101, kRequest = 102, kResponse = 103 };

// 1 type, 4 counter, 2 length, 4 index, 4 data_len, 512 + packet head: the kernel sends no more,
// and refuses writes above kMaxResponseFrame.
inline constexpr std::size_t kMaxRequestFrame = 1 + 4 + 2 + 8 + (5 + 16 + 512);
inline constexpr std::size_t kMaxResponseFrame = 1 + 4 + 2 + 8 + 4 + 512;

// A frame, its packet a view into the bytes it was decoded from.
struct DeviceFrame {
    FrameType type = FrameType::kRequest;
    // Type and counter only: HELO and QUIT always; a REQUEST whose opener gave up before it was
    // read (the kernel then delivers its emptied context, docs/protocol.md section 1).
    bool bare = false;
    std::uint32_t counter = 0;
    std::uint32_t index = 0;     // 0 when bare
    base::ByteView packet = {};  // empty when bare
};

// kMalformed, with what and at which byte, for: an empty frame, an unknown type, a frame cut
// short or too long, lengths that contradict each other.
base::Result<DeviceFrame> decode_frame(base::ByteView bytes);

// The size of the frame at the front of `bytes`, which zeros follow: a buffer that was zero before
// the frame was read into it. All of `bytes` if the frame does not tell.
std::size_t frame_size(base::ByteView bytes);

// Writes a frame into `buffer` and gives the part written: type and counter only if it is bare,
// else a REQUEST or RESPONSE with `packet` in it. kMalformed when it does not fit the buffer or the
// kernel's limit for a packet, and for what decode_frame refuses: a bare RESPONSE, a HELO or QUIT
// that is not bare.
base::Result<base::ByteView> encode_frame(const DeviceFrame& frame, base::ByteSpan buffer);

}  // namespace ecryptfs::wire
