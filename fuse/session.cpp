// SPDX-License-Identifier: Apache-2.0

#define FUSE_USE_VERSION 314

#include "fuse/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "fuse/request_loop.h"
#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

using base::ErrorCode;
using base::Result;

// libfuse's own copy of the arguments.
class Arguments {
  public:
    explicit Arguments(const std::vector<std::string>& options) {
        add("ecryptfs-fuse");
        for (const auto& option : options) {
            add("-o");
            add(option);
        }
    }
    ~Arguments() { ::fuse_opt_free_args(&arguments_); }
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;

    fuse_args* get() { return &arguments_; }

  private:
    void add(const std::string& argument) {
        if (::fuse_opt_add_arg(&arguments_, argument.c_str()) != 0) {
            throw std::bad_alloc();
        }
    }

    fuse_args arguments_ = FUSE_ARGS_INIT(0, nullptr);
};

base::Error cannot_mount(const std::filesystem::path& upper) {
    if (::access("/dev/fuse", F_OK) != 0) {
        return {ErrorCode::kNotSupported, "there is no /dev/fuse",
                "load the kernel module: sudo modprobe fuse; in a container, pass the device on: "
                "--device /dev/fuse"};
    }
    if (::geteuid() != 0 && ::access("/usr/bin/fusermount3", X_OK) != 0 &&
        ::access("/bin/fusermount3", X_OK) != 0) {
        return {ErrorCode::kNotSupported, "there is no fusermount3",
                "install it: sudo apt install fuse3"};
    }
    return {ErrorCode::kAccessDenied, fmt::format("FUSE did not mount {}", upper.string()),
            "see what fusermount3 says above"};
}

#ifndef FUSE_CAP_HANDLE_KILLPRIV_V2
// Without this flag the kernel asks for an attribute before each write. libfuse has it from 3.17
// on, so that it is put into libfuse's reply to the first request.
void add_killpriv_flag(const iovec* parts, int count) {
    constexpr std::size_t kFlagsEnd = offsetof(fuse_init_out, flags) + sizeof(fuse_init_out::flags);
    if (count != 2 || parts[1].iov_len < kFlagsEnd) {
        return;
    }
    auto* const flags = static_cast<char*>(parts[1].iov_base) + offsetof(fuse_init_out, flags);
    std::uint32_t value = 0;
    std::memcpy(&value, flags, sizeof value);
    value |= FUSE_HANDLE_KILLPRIV_V2;
    std::memcpy(flags, &value, sizeof value);
}

ssize_t write_reply(int fd, iovec* parts, int count, void* user) {
    auto& mounted = *static_cast<Mounted*>(user);
    if (mounted.is_initialized.load(std::memory_order_relaxed) &&
        !mounted.is_replied.exchange(true, std::memory_order_relaxed)) {
        add_killpriv_flag(parts, count);
    }
    return ::writev(fd, parts, count);
}

ssize_t read_device(int fd, void* bytes, std::size_t size, void* /*user*/) {
    return ::read(fd, bytes, size);
}

bool take_over_replies(fuse_session* session) {
    fuse_custom_io io{};
    io.writev = write_reply;
    io.read = read_device;
    return ::fuse_session_custom_io(session, &io, ::fuse_session_fd(session)) == 0;
}
#else
bool take_over_replies(fuse_session* /*session*/) {
    return true;
}
#endif

// Those that end it come only while the loop sleeps, or between two requests; and to no worker.
sigset_t block_signals() {
    sigset_t ending;
    sigset_t before;
    ::sigemptyset(&ending);
    for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
        ::sigaddset(&ending, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &ending, &before);
    return before;
}

}  // namespace

void Session::Destroy::operator()(fuse_session* session) const noexcept {
    ::fuse_session_destroy(session);
}

Result<Session> Session::mount(Filesystem& files, const std::filesystem::path& upper,
                               const std::vector<std::string>& options) {
    Arguments arguments(options);
    static const auto ops = handlers();
    Session session(std::make_unique<Mounted>(files));
    session.session_.reset(
        ::fuse_session_new(arguments.get(), &ops, sizeof ops, session.mounted_.get()));
    if (!session.session_) {
        return std::unexpected(base::Error{ErrorCode::kInvalidArgument,
                                           "an option that neither eCryptfs nor FUSE knows",
                                           "see what FUSE says above, and ecryptfs-fuse --help"});
    }
    if (::fuse_session_mount(session.session_.get(), upper.c_str()) != 0) {
        return std::unexpected(cannot_mount(upper));
    }
    const int fd = ::fuse_session_fd(session.session_.get());
    if (::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
        !take_over_replies(session.session_.get())) {
        return std::unexpected(base::Error{ErrorCode::kInternal, "cannot use /dev/fuse"});
    }
    return session;
}

Result<void> Session::serve() {
    if (::fuse_set_signal_handlers(session_.get()) != 0) {
        return std::unexpected(base::Error{ErrorCode::kInternal, "cannot handle signals"});
    }
    const auto signals = block_signals();
    auto ended = RequestLoop(session_.get(), signals).run();
    ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);
    ::fuse_remove_signal_handlers(session_.get());
    return ended;
}

void Session::invalidate(NodeId id) {
    ::fuse_lowlevel_notify_inval_inode(session_.get(), id, 0, 0);
}

}  // namespace ecryptfs::fuse
