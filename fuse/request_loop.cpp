// SPDX-License-Identifier: Apache-2.0

#define FUSE_USE_VERSION 314

#include "fuse/request_loop.h"

#include <fuse_lowlevel.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>

#include "fuse/handlers.h"
#include "fuse/waiting.h"
#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

using base::Result;
using Clock = std::chrono::steady_clock;

// A program asks again within microseconds, or has nothing to ask. To be woken takes longer.
constexpr auto kPolling = std::chrono::microseconds(50);
constexpr unsigned kVainPolls = 4;
constexpr unsigned kSleepsBetweenTries = 64;
constexpr std::size_t kMostWorkers = 8;
// In front of what is written: libfuse allows for as much.
constexpr std::size_t kHeaderRoom = 4096;
constexpr std::size_t kBufferSize = kMaxWrite + kHeaderRoom;

}  // namespace

RequestLoop::RequestLoop(fuse_session* session, const sigset_t& signals)
    : session_(session),
      signals_(signals),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)),
      workers_(kMostWorkers,
               [session](RawRequest& request) { serve_raw_request(session, request); }) {}

Result<RequestLoop::Reading> RequestLoop::read_request() {
    const auto size = ::read(::fuse_session_fd(session_), buffer_.get(), kBufferSize);
    if (size >= 0) {
        size_ = static_cast<std::size_t>(size);
        return Reading::kRequest;
    }
    switch (errno) {
        case EAGAIN:
        case EINTR:
        case ENOENT:  // who asked was interrupted
            return Reading::kNothing;
        case ENODEV:
            return Reading::kEnd;
        default:
            return std::unexpected(base::system_error("reading /dev/fuse", errno));
    }
}

// Where who asks has no processor but this one, it cannot ask while this thread polls; and there
// are programs that take their time. So polling that is in vain is given up for a while.
bool RequestLoop::should_poll() {
    if (vain_polls_ < kVainPolls) {
        return true;
    }
    if (++sleeps_ < kSleepsBetweenTries) {
        return false;
    }
    sleeps_ = 0;
    return true;
}

Result<RequestLoop::Reading> RequestLoop::read_or_wait() {
    auto reading = TRY(read_request());
    if (reading == Reading::kNothing && should_poll()) {
        const auto start = Clock::now();
        while (reading == Reading::kNothing && Clock::now() - start < kPolling) {
            reading = TRY(read_request());
        }
        vain_polls_ = reading == Reading::kNothing ? vain_polls_ + 1 : 0;
    }
    if (reading == Reading::kNothing) {
        pollfd device{::fuse_session_fd(session_), POLLIN, 0};
        ::ppoll(&device, 1, nullptr, &signals_);
    }
    return reading;
}

void RequestLoop::serve() {
    bool is_served = false;
    {
        const WithoutWaiting at_once;
        is_served = serve_raw_request(session_, {buffer_.get(), size_});
    }
    if (is_served) {
        return;
    }
    RawRequest request(buffer_.get(), buffer_.get() + size_);
    if (!workers_.enqueue(request)) {
        serve_raw_request(session_, request);
    }
}

Result<void> RequestLoop::run() {
    while (::fuse_session_exited(session_) == 0) {
        const auto reading = TRY(read_or_wait());
        if (reading == Reading::kEnd) {
            break;
        }
        if (reading == Reading::kRequest) {
            serve();
        }
    }
    return {};
}

}  // namespace ecryptfs::fuse
