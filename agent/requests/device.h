// SPDX-License-Identifier: Apache-2.0
//
// The broker's end of /dev/ecryptfs: opens it, reads each frame as soon as there is one, writes the
// replies, and opens it again after it went away.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/requests/descriptor_store.h"
#include "agent/requests/device_guard.h"
#include "agent/requests/frame_stream.h"
#include "agent/requests/reply_writer.h"
#include "agent/requests/request_source.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::agent {

class Device : public ReplyWriter {
  public:
    // Borrows the loop, the store and Handover's descriptor, for the guard.
    Device(EventLoop& loop, DescriptorStore& store, int memory, std::string path);

    // Called when the device was opened, went away, or cannot be opened for a new reason.
    void on_change(std::function<void()> changed) { changed_ = std::move(changed); }

    // Uses `inherited`, which may be a SEQPACKET socket, until that closes. Without it, and after
    // that, opens the path, again and again until that succeeds. Borrows the taker.
    void start(FrameTaker& taker, base::UniqueFd inherited);

    const std::string& path() const { return path_; }
    bool is_open() const { return stream_ && stream_->is_open(); }
    // Why it is not open; nothing when it is.
    const std::optional<base::Error>& error() const { return error_; }
    std::chrono::system_clock::time_point opened_at() const { return opened_at_; }
    std::uint64_t losses() const { return losses_; }

    // Tries once more to open it.
    void retry();

    WriteOutcome write(base::ByteView frame) override;

  private:
    void adopt(base::UniqueFd fd);
    void read_frames();
    void lost(const std::string& why);
    void set_error(base::Error error);
    void retry_later();
    void watch_for_appearance();

    EventLoop& loop_;
    DescriptorStore& store_;
    std::string path_;
    FrameTaker* taker_ = nullptr;
    std::function<void()> changed_ = [] {};
    std::unique_ptr<FrameStream> stream_;
    DeviceGuard guard_;
    EventLoop::Source appearance_;
    EventLoop::Source retry_timer_;
    Clock::duration retry_delay_;
    std::optional<base::Error> error_;
    std::chrono::system_clock::time_point opened_at_;
    std::uint64_t losses_ = 0;
};

}  // namespace ecryptfs::agent
