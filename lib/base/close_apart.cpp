// SPDX-License-Identifier: Apache-2.0

#include "lib/base/close_apart.h"

#include <sys/socket.h>

#include <system_error>
#include <thread>

namespace ecryptfs::base {
namespace {

// Not to have a thread for each that waits, where that can be helped.
void close_soon(int fd) {
    const linger none{};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    ::close(fd);
}

}  // namespace

void close_apart(UniqueFd fd) noexcept {
    if (!fd) {
        return;
    }
    try {
        std::thread(close_soon, fd.get()).detach();
    } catch (const std::system_error&) {
        // Better lost than waited for.
    }
    static_cast<void>(fd.release());
}

}  // namespace ecryptfs::base
