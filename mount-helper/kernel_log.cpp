// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace ecryptfs::mount_helper {

KernelLogTail::KernelLogTail() : log_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (log_) {
        ::lseek(log_.get(), 0, SEEK_END);
    }
}

// A record is "priority,number,time,flags;text\n…"; its text begins with the function's name.
std::string KernelLogTail::last_line() const {
    std::string line;
    std::array<char, 8192> record{};
    ssize_t size = 0;
    while ((size = ::read(log_.get(), record.data(), record.size())) > 0) {
        std::string text(record.data(), static_cast<std::size_t>(size));
        text = text.substr(text.find(';') + 1);
        text = text.substr(0, text.find('\n'));
        if (text.contains("ecryptfs") || text.contains("eCryptfs")) {
            const auto end_of_name = text.starts_with("ecryptfs_") ? text.find(": ") : text.npos;
            line = end_of_name == text.npos ? text : text.substr(end_of_name + 2);
        }
    }
    return line;
}

}  // namespace ecryptfs::mount_helper
