// SPDX-License-Identifier: Apache-2.0

#include "lib/channel/key_channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <thread>
#include <vector>

#include "lib/channel/channel_note.h"
#include "lib/wire/device_frame.h"

namespace ecryptfs::channel {
namespace {

using base::ErrorCode;
using base::Result;
using Bytes = std::vector<std::uint8_t>;

const auto kKey = wire::KeySignature::from_text("fe3467554552491d").value();
const Bytes kPacket(128, 1);
const Bytes kFileKey(19, 4);  // cipher code, 16 bytes, checksum

// The agent's end, with the test in the agent's place.
class FakeAgent {
  public:
    Result<base::UniqueFd> open() {
        std::array<int, 2> ends{};
        if (!is_there ||
            ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            return std::unexpected(base::Error{ErrorCode::kNoBus, "no bus"});
        }
        socket_.reset(ends[0]);
        return base::UniqueFd(ends[1]);
    }

    Bytes receive() {
        Bytes bytes(2000);
        const auto size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return bytes;
    }
    void send(base::ByteView bytes) {
        ASSERT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
    }
    // Answers a request as it was read.
    void answer(const Bytes& request, std::uint8_t status, const Bytes& data) {
        const auto frame = wire::decode_frame(request).value();
        const auto packet = wire::parse_request_packet(frame.packet).value();
        Bytes packet_buffer(1000);
        Bytes frame_buffer(1000);
        const auto reply =
            wire::encode_reply_packet({packet.operation, status, data}, packet_buffer);
        send(wire::encode_frame({.type = wire::FrameType::kResponse,
                                 .counter = frame.counter,
                                 .index = frame.index,
                                 .packet = reply.value()},
                                frame_buffer)
                 .value());
    }
    void hang_up() { socket_.reset(); }

    bool is_there = true;

  private:
    base::UniqueFd socket_;
};

class ChannelOfKeys : public ::testing::Test {
  protected:
    ChannelOfKeys() { channel_.start(); }

    FakeAgent agent_;
    std::promise<Note> note_;
    KeyChannel channel_{[this] { return agent_.open(); },
                        [this](const Note& note) { note_.set_value(note); }};
};

TEST_F(ChannelOfKeys, DecryptionAsksTheAgent) {
    ASSERT_TRUE(channel_.connect());
    std::thread agent([&] {
        const auto request = agent_.receive();
        const auto packet =
            wire::parse_request_packet(wire::decode_frame(request).value().packet).value();
        EXPECT_EQ(packet.signature, kKey);
        EXPECT_EQ(packet.operation, base::FileKeyOperation::kDecrypt);
        EXPECT_TRUE(std::ranges::equal(packet.data, kPacket));
        agent_.answer(request, 0, kFileKey);
    });
    const auto key = channel_.decrypt(kKey, kPacket);
    agent.join();
    ASSERT_TRUE(key);
    EXPECT_TRUE(std::ranges::equal(key->view(), kFileKey));
}

TEST_F(ChannelOfKeys, RepliesMayComeInAnyOrder) {
    ASSERT_TRUE(channel_.connect());
    auto first = std::async([&] { return channel_.decrypt(kKey, kPacket); });
    const auto first_request = agent_.receive();
    auto second = std::async([&] { return channel_.encrypt(kKey, kFileKey); });
    const auto second_request = agent_.receive();
    agent_.answer(second_request, 0, Bytes(128, 2));
    EXPECT_EQ(second.get()->view().front(), 2);
    agent_.answer(first_request, 0, kFileKey);
    EXPECT_EQ(first.get()->view().front(), 4);
}

TEST_F(ChannelOfKeys, StatusBecomesTheAgentsError) {
    ASSERT_TRUE(channel_.connect());
    auto key = std::async([&] { return channel_.decrypt(kKey, kPacket); });
    agent_.answer(agent_.receive(), base::traits(ErrorCode::kKeyLocked).status, {});
    EXPECT_EQ(key.get().error().code, ErrorCode::kKeyLocked);
}

TEST_F(ChannelOfKeys, LossOfTheAgentFailsRequestsAndLocks) {
    ASSERT_TRUE(channel_.connect());
    auto key = std::async([&] { return channel_.decrypt(kKey, kPacket); });
    agent_.receive();
    agent_.hang_up();
    EXPECT_EQ(key.get().error().code, ErrorCode::kNoAgent);
    const auto note = note_.get_future().get();
    EXPECT_EQ(note.type, NoteType::kLocked);
    EXPECT_FALSE(note.signature);
}

TEST_F(ChannelOfKeys, RequestAfterALossOpensTheChannelAgain) {
    ASSERT_TRUE(channel_.connect());
    agent_.hang_up();
    note_.get_future().wait();
    agent_.is_there = false;
    EXPECT_EQ(channel_.decrypt(kKey, kPacket).error().code, ErrorCode::kNoBus);
    agent_.is_there = true;
    ASSERT_TRUE(channel_.connect());
    auto key = std::async([&] { return channel_.decrypt(kKey, kPacket); });
    agent_.answer(agent_.receive(), 0, kFileKey);
    EXPECT_TRUE(key.get());
    note_ = {};  // for the end of the channel
}

TEST_F(ChannelOfKeys, NoteIsGivenOnAndConfirmed) {
    ASSERT_TRUE(channel_.connect());
    std::array<std::uint8_t, kMaxNote> buffer;
    agent_.send(encode_note({NoteType::kLocked, 9, kKey}, buffer));
    const auto note = note_.get_future().get();
    EXPECT_EQ(note.type, NoteType::kLocked);
    EXPECT_EQ(note.signature, kKey);
    channel_.confirm(note.number);
    const auto confirmation = parse_note(agent_.receive()).value();
    EXPECT_EQ(confirmation.type, NoteType::kConfirmed);
    EXPECT_EQ(confirmation.number, 9U);
    note_ = {};
}

TEST(ChannelNote, MalformedBytesAreRefused) {
    std::array<std::uint8_t, kMaxNote> buffer;
    const auto whole = encode_note({NoteType::kUnlocked, 1, kKey}, buffer);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(parse_note(whole.first(size)).has_value(), size == 5) << size;
    }
    buffer.front() = 113;
    EXPECT_FALSE(parse_note(buffer));
}

}  // namespace
}  // namespace ecryptfs::channel
