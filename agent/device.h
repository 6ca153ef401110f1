// SPDX-License-Identifier: Apache-2.0
//
// The broker's hold on /dev/ecryptfs: opens it, reads each frame as soon as it is there, writes the
// replies, and gets it again when it goes away.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "agent/event_loop.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::agent {

class Device {
  public:
    enum class WriteOutcome : std::uint8_t {
        kTaken,   // by the kernel, or kept to be written as soon as it will take it
        kRefused  // the opener has given up, or the device is gone
    };

    // A frame as read; the view ends with the call. It may hold a file key.
    using FrameHandler = std::function<void(base::ByteView frame)>;

    // Borrows the loop.
    Device(EventLoop& loop, std::string path);

    // Told when the device was opened, or went away, or cannot be opened for another reason.
    void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

    // Opens the path, now and whenever it may have come back; or takes `handed_over`, which may be
    // a SEQPACKET socket, as the device until that closes.
    void start(FrameHandler frame_arrived, base::UniqueFd handed_over);

    const std::string& path() const { return path_; }
    bool is_open() const { return static_cast<bool>(fd_); }
    // Why it is not open; nothing when it is.
    const std::optional<base::Error>& error() const { return error_; }
    std::chrono::system_clock::time_point opened_at() const { return opened_at_; }
    std::uint64_t losses() const { return losses_; }

    // Looks once more whether it can be opened.
    void retry();

    WriteOutcome write(base::ByteView frame);

  private:
    void adopt(base::UniqueFd fd);
    void ready(std::uint32_t events);
    bool read_frame();
    void flush();
    void lose(const std::string& why);
    void set_error(base::Error error);
    void retry_later();
    void watch_for_appearance();

    EventLoop& loop_;
    std::string path_;
    FrameHandler frame_arrived_;
    std::function<void()> changed_ = [] {};
    base::UniqueFd fd_;
    bool is_socket_ = false;
    EventLoop::Source readiness_;
    EventLoop::Source appearance_;
    EventLoop::Source retry_timer_;
    Clock::duration retry_delay_;
    std::optional<base::Error> error_;
    std::chrono::system_clock::time_point opened_at_;
    std::uint64_t losses_ = 0;
    base::SecretBytes frame_;
    std::deque<base::SecretBytes> unwritten_;  // a socket's only: the kernel takes all at once
};

}  // namespace ecryptfs::agent
