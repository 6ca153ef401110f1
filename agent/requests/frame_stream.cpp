// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/frame_stream.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ecryptfs::agent {
namespace {

// Frames read before other events get their turn.
constexpr int kFramesAtOnce = 64;

bool is_socket(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

FrameStream::FrameStream(EventLoop& loop, base::UniqueFd fd, Owner owner,
                         std::size_t most_unanswered)
    : fd_(std::move(fd)),
      owner_(std::move(owner)),
      is_socket_(is_socket(fd_.get())),
      most_unanswered_(most_unanswered),
      events_(EPOLLIN) {
    if (is_socket_) {
        ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
    }
    readiness_ = loop.on_io(fd_.get(), EPOLLIN, [this](std::uint32_t events) { ready(events); });
}

void FrameStream::ready(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        flush();
    }
    if ((events & EPOLLIN) != 0) {
        read_frames();
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        lose("it was closed");
    }
}

// While replies wait for a socket's peer, its requests wait too.
bool FrameStream::may_read() const {
    return is_open() && unwritten_.empty() && unanswered_ < most_unanswered_;
}

// The kernel's read() waits when nothing is queued, even with O_NONBLOCK (a socket's does not). So
// look first, even if the loop has looked: the frame may have been read since, when the guard poked
// us.
void FrameStream::read_frames() {
    for (int i = 0; i < kFramesAtOnce && may_read(); ++i) {
        if ((!is_socket_ && !has_input(fd_.get())) || !read_frame()) {
            break;
        }
    }
    choose_events();
}

// Whether a frame was read.
bool FrameStream::read_frame() {
    const auto room = owner_.room();
    const auto size = ::read(fd_.get(), room.data(), room.size());
    if (size > 0) {
        ++unanswered_;  // the reply may be written before take_frame() returns
        if (!owner_.take_frame(room.first(static_cast<std::size_t>(size)))) {
            --unanswered_;
        }
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

WriteOutcome FrameStream::write(base::ByteView frame) {
    if (unanswered_ > 0) {  // an earlier process may have read the request
        --unanswered_;
    }
    const auto outcome = send(frame);
    choose_events();
    return outcome;
}

WriteOutcome FrameStream::send(base::ByteView frame) {
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
    choose_events();
    return WriteOutcome::kTaken;
}

void FrameStream::flush() {
    while (!unwritten_.empty()) {
        const auto frame = unwritten_.front().view();
        if (::send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
            return;
        }
        unwritten_.pop_front();
    }
    choose_events();
}

void FrameStream::choose_events() {
    std::uint32_t wanted = 0;
    if (!unwritten_.empty()) {
        wanted = EPOLLOUT;
    } else if (may_read()) {
        wanted = EPOLLIN;
    }
    if (is_open() && wanted != std::exchange(events_, wanted)) {
        readiness_.set_io_events(wanted);
    }
}

void FrameStream::lose(const std::string& why) {
    if (!is_open()) {
        return;
    }
    readiness_.stop();
    fd_.reset();
    unwritten_.clear();
    owner_.lost(why);
}

}  // namespace ecryptfs::agent
