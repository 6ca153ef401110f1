// SPDX-License-Identifier: Apache-2.0
//
// Memory for plain text that a thread keeps from one request to the next, as to ask for it each
// time takes longer. To wipe it after each request would take time as well: it is wiped when keys
// are locked.

#pragma once

#include <mutex>

#include "lib/base/bytes.h"

namespace ecryptfs::fuse {

// What a thread uses at the same time.
enum class PlainUse { kRequest, kContents, kEncrypted, kReply };

// Of this thread, aligned to pages and not zeroed: most of it is overwritten. For `use`, until the
// next call.
base::ByteSpan plain_memory(PlainUse use, std::size_t size);

// A thread has this from the moment that it reads a request until it has replied: what it works
// with is not wiped under its hands, but at the end.
class PlainMemoryInUse {
  public:
    PlainMemoryInUse();
    PlainMemoryInUse(const PlainMemoryInUse&) = delete;
    PlainMemoryInUse& operator=(const PlainMemoryInUse&) = delete;
    ~PlainMemoryInUse();

  private:
    std::unique_lock<std::mutex> lock_;
};

// That of all threads. Waits up to a second for requests that are being served; what takes longer
// wipes its own at its end.
void wipe_plain_memory();

}  // namespace ecryptfs::fuse
