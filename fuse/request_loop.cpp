// SPDX-License-Identifier: Apache-2.0

#define FUSE_USE_VERSION 314

#include "fuse/request_loop.h"

#include <fuse_lowlevel.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

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
    : session_(session), signals_(signals), workers_(kMostWorkers, [session](RawRequest& request) {
          const PlainMemoryInUse in_use;
          serve_raw_request(session, request.bytes());
      }) {}

Result<RequestLoop::Reading> RequestLoop::read_request() {
    in_use_.emplace();
    const auto memory = plain_memory(PlainUse::kRequest, kBufferSize);
    const auto size = ::read(::fuse_session_fd(session_), memory.data(), memory.size());
    const int error = errno;
    if (size >= 0) {
        request_ = {reinterpret_cast<char*>(memory.data()), static_cast<std::size_t>(size)};
        return Reading::kRequest;
    }
    in_use_.reset();
    switch (error) {
        case EAGAIN:
        case EINTR:
        case ENOENT:  // who asked was interrupted
            return Reading::kNothing;
        case ENODEV:
            return Reading::kEnd;
        default:
            return std::unexpected(base::system_error("reading /dev/fuse", error));
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
        is_served = serve_raw_request(session_, request_);
    }
    if (is_served) {
        return;
    }
    RawRequest request(request_);
    if (!workers_.enqueue(request)) {
        serve_raw_request(session_, request.bytes());
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
            in_use_.reset();
        }
    }
    return {};
}

}  // namespace ecryptfs::fuse
