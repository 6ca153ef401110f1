// SPDX-License-Identifier: Apache-2.0

#include "fuse/unmounter.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "fuse/background.h"
#include "lib/base/file_io.h"
#include "lib/base/process.h"
#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

using base::Result;
using base::UniqueFd;

constexpr char kName[] = "ecryptfs-umount";

// Where it is mounted. Root does not go there by a path, whose folders a user may have exchanged
// meanwhile; fusermount3 looks for itself.
struct MountPoint {
    UniqueFd parent;
    std::string name;  // in the parent
    std::string path;
};

Result<MountPoint> find_mount_point(const std::string& upper) {
    std::array<char, PATH_MAX> path{};
    if (::realpath(upper.c_str(), path.data()) == nullptr) {
        return std::unexpected(base::system_error(upper, errno));
    }
    const std::filesystem::path found(path.data());
    UniqueFd parent(::open(found.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!parent) {
        return std::unexpected(base::system_error(found.parent_path().string(), errno));
    }
    return MountPoint{std::move(parent), found.filename(), found};
}

// Nobody serves what is mounted there. Asked in a way that the kernel has no answer to by itself.
bool is_abandoned(const std::string& name) {
    struct statfs status{};
    return ::statfs(name.c_str(), &status) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

// In the mount point's parent.
void unmount(const MountPoint& upper) {
    if (::geteuid() == 0) {
        ::umount2(upper.name.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
        return;
    }
    for (const char* program : {"/usr/bin/fusermount3", "/bin/fusermount3"}) {
        ::execl(program, "fusermount3", "-u", "-z", "-q", "--", upper.path.c_str(), nullptr);
    }
}

[[noreturn]] void run(const UniqueFd& line, const MountPoint& upper) {
    ::prctl(PR_SET_NAME, kName);
    for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
        ::signal(signal, SIG_IGN);  // they are for the other process
    }
    leave_terminal();  // or who waits for the end of its output would wait for this process
    const bool can_look = ::fchdir(upper.parent.get()) == 0;
    base::close_other_descriptors({line.get()});
    std::array<std::uint8_t, 1> nothing;
    static_cast<void>(base::read_all(line.get(), nothing));
    if (can_look && is_abandoned(upper.name)) {
        unmount(upper);
    }
    std::_Exit(EXIT_SUCCESS);
}

}  // namespace

Result<Unmounter> Unmounter::start(const std::string& upper) {
    const auto mount_point = TRY(find_mount_point(upper));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::unexpected(base::system_error("a pipe", errno));
    }
    UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) {
        return std::unexpected(base::system_error("starting the process that unmounts", errno));
    }
    if (child == 0) {
        writing.reset();
        run(reading, mount_point);
    }
    return Unmounter(std::move(writing), child);
}

Unmounter::~Unmounter() {
    if (line_) {
        line_.reset();
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

}  // namespace ecryptfs::fuse
