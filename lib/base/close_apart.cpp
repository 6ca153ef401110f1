// SPDX-License-Identifier: Apache-2.0

#include "lib/base/close_apart.h"

#include <sys/socket.h>

#include <atomic>
#include <system_error>
#include <thread>

namespace ecryptfs::base {
namespace {

// Many more than are ever closing where nobody means harm.
constexpr int kMaxThreads = 64;

std::atomic<int> threads = 0;

// Turns SO_LINGER off first, so that a socket does not keep the thread.
void close_soon(int fd) {
    const linger none{};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    ::close(fd);
    --threads;
}

}  // namespace

void close_apart(UniqueFd fd) noexcept {
    if (!fd) {
        return;
    }
    // A lost descriptor does less harm than waiting.
    const int lost = fd.release();
    if (++threads > kMaxThreads) {
        --threads;
        return;
    }
    try {
        std::thread(close_soon, lost).detach();
    } catch (const std::system_error&) {
        --threads;
    }
}

}  // namespace ecryptfs::base
