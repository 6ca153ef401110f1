// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/device.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
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
    stream_ = std::make_unique<FrameStream>(
        loop_, std::move(fd),
        FrameStream::Owner{.room = [this] { return taker_->room(kDeviceSource); },
                           .take_frame =
                               [this](base::ByteView frame) {
                                   guard_.count_read();
                                   return taker_->take_frame(frame);
                               },
                           .lost = [this](const std::string& why) { lost(why); }});
    store_.put(kDeviceName, stream_->fd());
    guard_.watch(stream_->fd());
    retry_timer_.stop();
    retry_delay_ = kFirstRetry;
    opened_at_ = std::chrono::system_clock::now();
    error_.reset();
    log_line(Priority::kInfo, fmt::format("{} is open", path_));
    changed_();
}

void Device::read_frames() {
    if (is_open()) {
        stream_->read_frames();
    }
}

WriteOutcome Device::write(base::ByteView frame) {
    return is_open() ? stream_->write(frame) : WriteOutcome::kRefused;
}

void Device::lost(const std::string& why) {
    ++losses_;
    log_line(Priority::kWarning, fmt::format("{} went away: {}", path_, why));
    guard_.end();
    store_.remove(kDeviceName);
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
