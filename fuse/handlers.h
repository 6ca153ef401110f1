// SPDX-License-Identifier: Apache-2.0
//
// What each request of the kernel has a Filesystem do, and what is replied. By libfuse's low-level
// interface, which takes requests apart.

#pragma once

#include <atomic>
#include <cstddef>
#include <span>

#include "fuse/filesystem.h"
#include "fuse/listing_habits.h"

struct fuse_lowlevel_ops;
struct fuse_session;

namespace ecryptfs::fuse {

// The largest write that the kernel sends, bytes.
inline constexpr unsigned kMaxWrite = 1U << 20;

// The user data of a session.
struct Mounted {
    Filesystem& files;
    ListingHabits habits = {};
    std::atomic<bool> is_initialized = false;  // the kernel's first request was read
    std::atomic<bool> is_replied = false;      // and answered
};

fuse_lowlevel_ops handlers();

// Serves a request as it was read from /dev/fuse. False if this thread may not wait, and would have
// to: then nothing was done or replied, and another thread serves the same bytes.
bool serve_raw_request(fuse_session* session, std::span<char> request);

}  // namespace ecryptfs::fuse
