// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/fake_kernel.h"

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <numeric>
#include <utility>

#include "lib/base/error.h"

namespace ecryptfs::test {
namespace {

constexpr std::uint8_t kAes128 = 7;  // RFC 2440 section 9.2

Bytes request_packet(base::FileKeyOperation operation, std::string_view signature,
                     base::ByteView data) {
    std::array<std::uint8_t, wire::kMaxRequestFrame> buffer{};
    const auto packet = base::value_or_throw(wire::encode_request_packet(
        {operation, base::value_or_throw(wire::KeySignature::from_text(signature)), data}, buffer));
    return {packet.begin(), packet.end()};
}

}  // namespace

Bytes make_file_key(std::size_t size, std::uint8_t seed) {
    Bytes key = {kAes128};
    for (std::size_t i = 0; i < size; ++i) {
        key.push_back(static_cast<std::uint8_t>(seed * 31 + i * 7));
    }
    const auto sum = std::accumulate(key.begin() + 1, key.end(), 0U);
    key.push_back(static_cast<std::uint8_t>(sum >> 8));
    key.push_back(static_cast<std::uint8_t>(sum));
    return key;
}

Bytes decrypt_packet(std::string_view signature, base::ByteView encrypted) {
    return request_packet(base::FileKeyOperation::kDecrypt, signature, encrypted);
}

Bytes encrypt_packet(std::string_view signature, base::ByteView file_key) {
    return request_packet(base::FileKeyOperation::kEncrypt, signature, file_key);
}

FakeKernel::FakeKernel() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    socket_.reset(ends[0]);
    device_.reset(ends[1]);
}

bool FakeKernel::is_all_read() const {
    int unread = 0;
    EXPECT_EQ(::ioctl(socket_.get(), SIOCOUTQ, &unread), 0);
    return unread == 0;
}

bool FakeKernel::is_let_go_of() const {
    pollfd waiting{socket_.get(), 0, 0};
    return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLHUP) != 0;
}

std::uint32_t FakeKernel::ask(base::ByteView packet) {
    const auto index = ++last_index_;
    const auto counter = ++last_counter_;
    asked_[index] = {counter, Clock::now()};
    send(frame(packet, counter, index));
    return index;
}

std::uint32_t FakeKernel::ask_to_decrypt(std::string_view signature, base::ByteView encrypted) {
    return ask(decrypt_packet(signature, encrypted));
}

std::uint32_t FakeKernel::ask_to_encrypt(std::string_view signature, base::ByteView file_key) {
    return ask(encrypt_packet(signature, file_key));
}

void FakeKernel::send_raw(base::ByteView bytes) {
    send(bytes);
}

Bytes FakeKernel::frame(base::ByteView packet, std::uint32_t counter, std::uint32_t index) {
    std::array<std::uint8_t, wire::kMaxRequestFrame> buffer{};
    const auto bytes = base::value_or_throw(wire::encode_frame(
        {.type = wire::FrameType::kRequest, .counter = counter, .index = index, .packet = packet},
        buffer));
    return {bytes.begin(), bytes.end()};
}

Answer FakeKernel::answer_to(std::uint32_t index) {
    while (!answers_.contains(index)) {
        if (!wait_for(POLLIN) || !read_reply()) {
            ADD_FAILURE() << "no answer to request " << index;
            return {base::FileKeyOperation::kDecrypt, 0xff, {}, {}};
        }
    }
    return std::move(answers_.extract(index).mapped());
}

Answer FakeKernel::decrypt(std::string_view signature, base::ByteView encrypted) {
    return answer_to(ask_to_decrypt(signature, encrypted));
}

Answer FakeKernel::encrypt(std::string_view signature, base::ByteView file_key) {
    return answer_to(ask_to_encrypt(signature, file_key));
}

void FakeKernel::wait_for_answers() {
    while (new_answers_.empty()) {
        if (!wait_for(POLLIN) || !read_reply()) {
            ADD_FAILURE() << "no further answer; " << unanswered() << " requests have none";
            return;
        }
        read_replies();
    }
}

void FakeKernel::take_new_answers(const std::function<void(const Answer&)>& look) {
    for (const auto index : std::exchange(new_answers_, {})) {
        if (const auto node = answers_.extract(index)) {
            look(node.mapped());
        }
    }
}

std::optional<std::uint32_t> FakeKernel::try_to_ask(base::ByteView packet,
                                                    std::chrono::milliseconds patience) {
    const auto bytes = frame(packet, last_counter_ + 1, last_index_ + 1);
    pollfd waiting{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
    while (::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (::poll(&waiting, 1, static_cast<int>(patience.count())) != 1) {
            return std::nullopt;
        }
    }
    asked_[++last_index_] = {++last_counter_, Clock::now()};
    return last_index_;
}

void FakeKernel::expect_no_more_replies() {
    read_replies();
    EXPECT_EQ(unanswered(), 0U);
}

// Takes replies while the agent takes no requests, or both would wait for each other.
void FakeKernel::send(base::ByteView bytes) {
    while (::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN || !wait_for(POLLIN | POLLOUT)) {
            ADD_FAILURE() << "the agent takes no requests";
            return;
        }
        read_replies();
    }
}

bool FakeKernel::wait_for(short events) {
    pollfd waiting{.fd = socket_.get(), .events = events, .revents = 0};
    const std::chrono::milliseconds patience = kPatience;
    return ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1;
}

// False if there is none; after wait_for(POLLIN), as the agent has closed its device.
bool FakeKernel::read_reply() {
    std::array<std::uint8_t, 1024> buffer;
    const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size <= 0) {
        return false;
    }
    take_reply(base::ByteView(buffer).first(static_cast<std::size_t>(size)));
    return true;
}

void FakeKernel::read_replies() {
    while (read_reply()) {
    }
}

void FakeKernel::take_reply(base::ByteView bytes) {
    // miscdev.c: ecryptfs_miscdev_write
    EXPECT_LE(bytes.size(), wire::kMaxResponseFrame);
    const auto frame = wire::decode_frame(bytes);
    ASSERT_TRUE(frame) << frame.error().message;
    ASSERT_EQ(frame->type, wire::FrameType::kResponse);
    const auto packet = wire::parse_reply_packet(frame->packet);
    ASSERT_TRUE(packet) << packet.error().message;
    const auto waiting = asked_.find(frame->index);
    if (others_ && (waiting == asked_.end() || waiting->second.counter != frame->counter)) {
        return;
    }
    const auto asked = asked_.extract(frame->index);
    if (asked.empty() && repeats_ && frame->index <= last_index_) {
        return;
    }
    ASSERT_FALSE(asked.empty()) << "a reply that nobody waits for, index " << frame->index;
    ASSERT_EQ(frame->counter, asked.mapped().counter);
    answers_[frame->index] = {packet->operation,
                              packet->status,
                              {packet->data.begin(), packet->data.end()},
                              Clock::now() - asked.mapped().at};
    new_answers_.push_back(frame->index);
}

}  // namespace ecryptfs::test
