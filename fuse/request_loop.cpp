// SPDX-License-Identifier: Apache-2.0

#define FUSE_USE_VERSION 314

#include "fuse/request_loop.h"

#include <fuse_lowlevel.h>
#include <poll.h>
#include <sched.h>
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
constexpr std::size_t kMostWorkers = 8;
// In front of what is written: libfuse allows for as much.
constexpr std::size_t kHeaderRoom = 4096;
constexpr std::size_t kBufferSize = kMaxWrite + kHeaderRoom;

bool has_several_processors() {
    cpu_set_t processors;
    return ::sched_getaffinity(0, sizeof processors, &processors) == 0 &&
           CPU_COUNT(&processors) > 1;
}

}  // namespace

RequestLoop::RequestLoop(fuse_session* session, const sigset_t& signals)
    : session_(session),
      signals_(signals),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)),
      polls_(has_several_processors()),
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

Result<RequestLoop::Reading> RequestLoop::read_or_wait() {
    const auto start = Clock::now();
    do {
        const auto reading = TRY(read_request());
        if (reading != Reading::kNothing) {
            return reading;
        }
    } while (polls_ && Clock::now() - start < kPolling);
    pollfd device{::fuse_session_fd(session_), POLLIN, 0};
    ::ppoll(&device, 1, nullptr, &signals_);
    return Reading::kNothing;
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
