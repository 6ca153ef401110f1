// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "agent/runtime/log.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using namespace std::chrono_literals;

constexpr auto kFirstRetry = 1s;
constexpr auto kLastRetry = 60s;
// Frames read before other events get their turn.
constexpr int kFramesAtOnce = 64;

// miscdev.c: ecryptfs_miscdev_open gives EINVAL for a second daemon of the same user.
Error open_error(const std::string& path, int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENXIO:
        case ENODEV:
            return {ErrorCode::kNoDevice, fmt::format("there is no {}", path),
                    "load the kernel module: sudo modprobe ecryptfs"};
        case EACCES:
        case EPERM:
            return {ErrorCode::kDevicePermission, fmt::format("no permission to open {}", path),
                    "become a member of the device's group: sudo usermod --append --groups "
                    "ecryptfs $(id -un); then log "
                    "in anew"};
        case EINVAL:
        case EBUSY:
            return {ErrorCode::kDeviceBusy,
                    fmt::format("another daemon of this user holds {}", path),
                    "find it and stop it: pgrep --list-name --euid $(id -u) ecryptfs"};
        default:
            return base::system_error(ErrorCode::kInternal, fmt::format("opening {}", path),
                                      error_number);
    }
}

bool is_socket(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

Device::Device(EventLoop& loop, DescriptorStore& store, int memory, std::string path)
    : loop_(loop),
      store_(store),
      path_(std::move(path)),
      guard_(loop, store, memory, [this] { read_frames(); }),
      retry_timer_(loop.timer(1s, [this] { retry(); })),
      retry_delay_(kFirstRetry) {}

void Device::start(FrameTaker& taker, base::UniqueFd inherited) {
    taker_ = &taker;
    watch_for_appearance();
    if (inherited) {
        adopt(std::move(inherited));
    } else {
        retry();
    }
}

void Device::retry() {
    if (is_open()) {
        return;
    }
    base::UniqueFd fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
    if (fd) {
        adopt(std::move(fd));
        return;
    }
    const int error_number = errno;
    set_error(open_error(path_, error_number));
    retry_later();
}

void Device::adopt(base::UniqueFd fd) {
    fd_ = std::move(fd);
    is_socket_ = is_socket(fd_.get());
    if (is_socket_) {
        ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
    }
    readiness_ = loop_.on_io(fd_.get(), EPOLLIN, [this](std::uint32_t events) { ready(events); });
    store_.put(kDeviceName, fd_.get());
    guard_.watch(fd_.get());
    retry_timer_.stop();
    retry_delay_ = kFirstRetry;
    opened_at_ = std::chrono::system_clock::now();
    error_.reset();
    log_line(Priority::kInfo, fmt::format("{} is open", path_));
    changed_();
}

void Device::ready(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if ((events & EPOLLIN) != 0) {
        read_frames();
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        lose("it was closed");
    }
}

// The kernel's read() waits when nothing is queued, even with O_NONBLOCK (a socket's does not). So
// look first, even if the loop has looked: the frame may have been read since, when the guard poked
// us. While replies wait for a socket's peer, its requests wait too.
void Device::read_frames() {
    for (int i = 0; i < kFramesAtOnce && is_open() && unwritten_.empty(); ++i) {
        if ((!is_socket_ && !has_input(fd_.get())) || !read_frame()) {
            return;
        }
    }
}

// Whether a frame was read.
bool Device::read_frame() {
    const auto room = taker_->room();
    const auto size = ::read(fd_.get(), room.data(), room.size());
    if (size > 0) {
        guard_.count_read();
        taker_->take_frame(room.first(static_cast<std::size_t>(size)));
        return is_open();
    }
    // The kernel's read() gives 0 when it was interrupted or somebody else reads.
    if (size == 0 && is_socket_) {
        lose("it was closed");
    } else if (size < 0 && errno != EAGAIN && errno != EINTR) {
        lose(::strerrordesc_np(errno));
    }
    return false;
}

WriteOutcome Device::write(base::ByteView frame) {
    if (!is_open()) {
        return WriteOutcome::kRefused;
    }
    if (unwritten_.empty()) {
        const auto size = is_socket_ ? ::send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL)
                                     : ::write(fd_.get(), frame.data(), frame.size());
        if (size >= 0) {
            return WriteOutcome::kTaken;
        }
        if (errno != EAGAIN || !is_socket_) {
            return WriteOutcome::kRefused;
        }
    }
    // While a socket's peer takes no replies, its requests wait: that bounds the replies kept here.
    auto copy = base::SecretBytes::copy(frame);
    if (!copy) {
        return WriteOutcome::kRefused;
    }
    unwritten_.push_back(std::move(*copy));
    readiness_.set_io_events(EPOLLOUT);
    return WriteOutcome::kTaken;
}

void Device::flush() {
    while (!unwritten_.empty()) {
        const auto frame = unwritten_.front().view();
        if (::send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
            return;
        }
        unwritten_.pop_front();
    }
    readiness_.set_io_events(EPOLLIN);
}

void Device::lose(const std::string& why) {
    ++losses_;
    log_line(Priority::kWarning, fmt::format("{} went away: {}", path_, why));
    readiness_.stop();
    guard_.end();
    store_.remove(kDeviceName);
    fd_.reset();
    unwritten_.clear();
    error_ = Error{ErrorCode::kNoDevice, fmt::format("{} went away: {}", path_, why),
                   "load the kernel module: sudo modprobe ecryptfs"};
    retry_delay_ = kFirstRetry;
    retry_timer_.run_after(kFirstRetry);
    changed_();
}

void Device::set_error(Error error) {
    const bool changed = !error_ || error_->code != error.code;
    error_ = std::move(error);
    if (changed) {
        log_line(Priority::kWarning, fmt::format("{} (try: {})", error_->message, error_->advice),
                 {{"ECRYPTFS_ERROR", base::traits(error_->code).name}});
        changed_();
    }
}

// Nothing tells when another daemon closes the device: try again, ever more rarely.
void Device::retry_later() {
    if (!appearance_ || error_->code == ErrorCode::kDeviceBusy ||
        error_->code == ErrorCode::kInternal) {
        retry_timer_.run_after(retry_delay_);
        retry_delay_ = std::min<Clock::duration>(2 * retry_delay_, kLastRetry);
    }
}

// The folder tells when a missing device appears, or its permissions change.
void Device::watch_for_appearance() {
    const std::filesystem::path path(path_);
    try {
        appearance_ = loop_.on_file_change(path.parent_path().string(), path.filename().string(),
                                           [this] { retry(); });
    } catch (const base::Failure& failure) {
        log_line(Priority::kWarning,
                 fmt::format("cannot watch for {}: {}", path_, failure.error().message));
    }
}

}  // namespace ecryptfs::agent
