// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/kernel.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "lib/base/handle.h"
#include "tests/vm/process.h"

namespace ecryptfs::vm {
namespace {

constexpr unsigned kDeviceMode = 0660;
const User kRoot{.name = "root", .id = 0};

void modprobe(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {"modprobe"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto outcome = run({.user = kRoot}, command);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

}  // namespace

void load_ecryptfs(const std::vector<std::string>& parameters) {
    std::vector<std::string> arguments = {"ecryptfs"};
    arguments.insert(arguments.end(), parameters.begin(), parameters.end());
    modprobe(arguments);
    const auto* group = ::getgrnam("ecryptfs");
    ASSERT_NE(group, nullptr);
    EXPECT_EQ(::chown(kDevice, 0, group->gr_gid), 0);
    set_device_mode(kDeviceMode);
}

void unload_ecryptfs() {
    modprobe({"--remove", "ecryptfs"});
}

void set_device_mode(unsigned mode) {
    EXPECT_EQ(::chmod(kDevice, mode), 0);
}

void load_fuse(unsigned device_mode) {
    modprobe({"fuse"});
    EXPECT_EQ(::chmod("/dev/fuse", device_mode), 0);
}

void drop_caches() {
    ::sync();
    std::ofstream("/proc/sys/vm/drop_caches") << "3\n";
}

// Each read() of /dev/kmsg gives one record: "priority,number,time,flags;text\n…".
std::string read_kernel_log() {
    static const base::UniqueFd log(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    std::array<char, 8192> record{};
    std::string lines;
    while (true) {
        const auto size = ::read(log.get(), record.data(), record.size());
        if (size <= 0) {
            EXPECT_EQ(errno, EAGAIN) << "a part of the kernel's log is lost";
            return lines;
        }
        const std::string text(record.data(), static_cast<std::size_t>(size));
        lines += text.substr(text.find(';') + 1);
    }
}

std::string fault_in(const std::string& kernel_log) {
    std::istringstream lines(kernel_log);
    for (std::string line; std::getline(lines, line);) {
        for (const auto* sign : {"BUG", "WARNING:", "list_del corruption", "Oops", "refcount_t:"}) {
            if (line.find(sign) != std::string::npos) {
                return line;
            }
        }
    }
    return "";
}

}  // namespace ecryptfs::vm
