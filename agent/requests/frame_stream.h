// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <string>

#include "agent/requests/reply_writer.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/bytes.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::agent {

// An open descriptor that frames are read from, each as soon as there is one, and replies written
// to: the kernel's device, or a SEQPACKET socket.
class FrameStream : public ReplyWriter {
  public:
    struct Owner {
        // Where to read the next frame.
        std::function<base::ByteSpan()> room;
        // Takes it. Whether it gets a reply.
        std::function<bool(base::ByteView)> take_frame;
        // The descriptor was closed by the other side, or failed: it is closed by now. This object
        // must live on until its caller returns.
        std::function<void(const std::string& why)> lost;
    };

    // Borrows the loop. Stops reading while so many frames have no reply yet.
    FrameStream(EventLoop& loop, base::UniqueFd fd, Owner owner,
                std::size_t most_unanswered = std::numeric_limits<std::size_t>::max());

    int fd() const { return fd_.get(); }
    bool is_open() const { return static_cast<bool>(fd_); }

    // Reads what is there, also if the loop knows of nothing.
    void read_frames();
    // A frame that answers one.
    WriteOutcome write(base::ByteView frame) override;
    // A frame that answers none. Only for sockets.
    WriteOutcome send(base::ByteView frame);

    // Closes it, and tells the owner.
    void lose(const std::string& why);

  private:
    void ready(std::uint32_t events);
    bool read_frame();
    void flush();
    bool may_read() const;
    void choose_events();

    base::UniqueFd fd_;
    Owner owner_;
    bool is_socket_;
    std::size_t most_unanswered_;
    std::size_t unanswered_ = 0;
    std::deque<base::SecretBytes> unwritten_;  // a socket's only: the kernel takes all at once
    std::uint32_t events_;
    EventLoop::Source readiness_;
};

}  // namespace ecryptfs::agent
