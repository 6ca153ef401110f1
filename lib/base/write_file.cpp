// SPDX-License-Identifier: Apache-2.0

#include "lib/base/write_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/handle.h"

namespace ecryptfs::base {

bool write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::write(fd, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
    return true;
}

void sync_folder(const std::string& folder) {
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd) {
        static_cast<void>(::fsync(fd.get()));
    }
}

}  // namespace ecryptfs::base
