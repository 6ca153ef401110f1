// SPDX-License-Identifier: Apache-2.0

#include "lib/channel/key_channel.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "lib/base/try.h"
#include "lib/wire/device_frame.h"

namespace ecryptfs::channel {
namespace {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using namespace std::chrono_literals;

// As many as the agent takes from one channel; further requests wait for a place.
constexpr std::size_t kPlaces = 64;
// The agent answers within three seconds, as the kernel wants it. The rest is for an agent that is
// restarted meanwhile.
constexpr auto kReplyLimit = 10s;

Error agent_gone() {
    return {ErrorCode::kNoAgent, "the agent has gone"};
}

// The error that a reply's status stands for.
Error error_of_status(const wire::KeySignature& signature, std::uint8_t status) {
    const auto table = base::error_table();
    const auto row = std::ranges::find(table, status, &base::ErrorTraits::status);
    const auto& traits = row == table.end() ? base::traits(ErrorCode::kInternal) : *row;
    return {traits.code, fmt::format("key {}: {}", signature.text(), traits.meaning)};
}

}  // namespace

KeyChannel::KeyChannel(Open open, TakeNote take_note)
    : open_(std::move(open)), take_note_(std::move(take_note)), pending_(kPlaces) {}

KeyChannel::~KeyChannel() {
    if (receiver_.joinable()) {
        ::shutdown(socket_.get(), SHUT_RDWR);
        receiver_.join();
    }
}

Result<void> KeyChannel::connect() {
    const std::lock_guard lock(mutex_);
    return connect_if_lost();
}

// The receiver of a lost channel does nothing more but end.
Result<void> KeyChannel::connect_if_lost() {
    if (!is_lost_) {
        return {};
    }
    auto socket = TRY(open_());
    if (receiver_.joinable()) {
        receiver_.join();
    }
    socket_ = std::move(socket);
    is_lost_ = false;
    if (is_started_) {
        receiver_ = std::thread([this] { receive(); });
    }
    return {};
}

void KeyChannel::start() {
    const std::lock_guard lock(mutex_);
    is_started_ = true;
    if (!is_lost_) {
        receiver_ = std::thread([this] { receive(); });
    }
}

Result<SecretBytes> KeyChannel::decrypt(const wire::KeySignature& signature,
                                        ByteView encrypted_fek) {
    return ask({base::FileKeyOperation::kDecrypt, signature, encrypted_fek});
}

Result<SecretBytes> KeyChannel::encrypt(const wire::KeySignature& signature, ByteView file_key) {
    return ask({base::FileKeyOperation::kEncrypt, signature, file_key});
}

Result<SecretBytes> KeyChannel::ask(const wire::RequestPacket& request) {
    auto buffer = TRY(SecretBytes::create(wire::kMaxRequestFrame));
    const auto packet = TRY(wire::encode_request_packet(request, buffer.span()));
    const auto deadline = Clock::now() + kReplyLimit;
    std::unique_lock lock(mutex_);
    TRY(connect_if_lost());
    auto place = pending_.add(deadline);
    while (!place) {
        if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
            return std::unexpected(Error{ErrorCode::kOverloaded, "too many requests at once"});
        }
        place = pending_.add(deadline);
    }
    if (const auto sent = send(*place, packet); !sent) {
        pending_.accept(*place, std::unexpected(sent.error()));
    }
    auto reply = pending_.take(*place, Clock::now());
    while (!reply) {
        changed_.wait_until(lock, deadline);
        reply = pending_.take(*place, Clock::now());
    }
    changed_.notify_all();  // the place is free
    if (!*reply) {
        return std::move(*reply);
    }
    const auto answer = TRY(wire::parse_reply_packet((*reply)->view()));
    if (answer.status != 0) {
        return std::unexpected(error_of_status(request.signature, answer.status));
    }
    return SecretBytes::copy(answer.data);
}

Result<void> KeyChannel::send(const PendingRequests::Place& place, ByteView packet) {
    auto buffer = TRY(SecretBytes::create(wire::kMaxRequestFrame));
    const auto frame = TRY(wire::encode_frame({.type = wire::FrameType::kRequest,
                                               .counter = place.counter,
                                               .index = place.index,
                                               .packet = packet},
                                              buffer.span()));
    if (::send(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0) {
        return std::unexpected(agent_gone());
    }
    return {};
}

// The receiver's thread. It alone reads the socket, which stays open until the thread has ended.
void KeyChannel::receive() {
    auto buffer = base::value_or_throw(SecretBytes::create(wire::kMaxResponseFrame + 1));
    for (;;) {
        const auto size = ::recv(socket_.get(), buffer.span().data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            lose();
            return;
        }
        take_message(buffer.view().first(static_cast<std::size_t>(size)));
        ::explicit_bzero(buffer.span().data(), buffer.size());
    }
}

void KeyChannel::take_message(ByteView message) {
    if (!is_note(message)) {
        take_reply(message);
        return;
    }
    const auto note = parse_note(message);
    if (!note) {
        return;
    }
    take_note_(*note);
}

void KeyChannel::confirm(std::uint32_t number) {
    std::array<std::uint8_t, kMaxNote> buffer;
    const auto note = encode_note({NoteType::kConfirmed, number}, buffer);
    const std::lock_guard lock(mutex_);
    if (!is_lost_) {
        ::send(socket_.get(), note.data(), note.size(), MSG_NOSIGNAL);
    }
}

void KeyChannel::take_reply(ByteView bytes) {
    const auto frame = wire::decode_frame(bytes);
    if (!frame || frame->type != wire::FrameType::kResponse) {
        return;
    }
    auto packet = SecretBytes::copy(frame->packet);
    const std::lock_guard lock(mutex_);
    pending_.accept({frame->index, frame->counter}, std::move(packet));
    changed_.notify_all();
}

// What the agent's keys opened is forgotten: it cannot tell any more that they are locked.
void KeyChannel::lose() {
    {
        const std::lock_guard lock(mutex_);
        is_lost_ = true;
        pending_.fail_all(agent_gone());
        changed_.notify_all();
    }
    take_note_({NoteType::kLocked, kAgentGone});
}

}  // namespace ecryptfs::channel
