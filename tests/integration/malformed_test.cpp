// SPDX-License-Identifier: Apache-2.0
//
// What a kernel should not send, and one of what it does send: each frame is counted by what it is,
// answered if it can be, and does no harm.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

enum class Fate : std::uint8_t { kStale, kMalformed };

struct BadFrame {
    std::string name;
    Bytes bytes;
    Fate fate = Fate::kMalformed;
};

struct BadPacket {
    std::string name;
    Bytes bytes;
};

constexpr std::uint8_t kRequest = 102;
constexpr char kAnySignature[] = "0123456789abcdef";

// Offsets in a frame whose length takes two bytes.
constexpr std::size_t kLengthAt = 5;
constexpr std::size_t kDataLenAt = 11;

Bytes good_frame() {
    // A packet of more than 191 bytes.
    const Bytes encrypted(256, 0x77);
    return FakeKernel::frame(decrypt_packet(kAnySignature, encrypted), 7, 7);
}

Bytes changed(Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes.at(at) = value;
    return bytes;
}

Bytes cut(Bytes bytes, std::size_t size) {
    bytes.resize(size);
    return bytes;
}

std::vector<BadFrame> bad_frames() {
    const auto good = good_frame();
    std::vector<BadFrame> frames = {
        {"a stale request", {kRequest, 0, 0, 0, 75}, Fate::kStale},
        {"one byte", {kRequest}},
        {"four bytes", {kRequest, 0, 0, 0}},
        {"type and counter and one byte more", {kRequest, 0, 0, 0, 75, 0}},
        {"a HELO", {100, 0, 0, 0, 0}},
        {"a QUIT", {101, 0, 0, 0, 0}},
        {"a HELO with a message", changed(good, 0, 100)},
        {"a RESPONSE", changed(good, 0, 103)},
        {"a bare RESPONSE", {103, 0, 0, 0, 75}},
        {"a length of five bytes' form", changed(good, kLengthAt, 255)},
        {"a length of partial form", changed(good, kLengthAt, 224)},
        {"a length that is too large", changed(good, kLengthAt, 193)},
        {"a length that is too small", changed(good, kLengthAt + 1, 0)},
        {"a length of one byte", changed(good, kLengthAt, 191)},
        {"a length of zero", {kRequest, 0, 0, 0, 75, 0}},
        {"a length of less than its fields", {kRequest, 0, 0, 0, 75, 4, 1, 2, 3, 4}},
        {"a data_len that is too small",
         changed(good, kDataLenAt, static_cast<std::uint8_t>(good[kDataLenAt] - 1))},
        {"a data_len that is too large",
         changed(good, kDataLenAt, static_cast<std::uint8_t>(good[kDataLenAt] + 1))},
        {"an enormous data_len", changed(good, kDataLenAt + 3, 0xff)},
        {"one byte too many", cut(good, good.size() + 1)},
        {"one byte too few", cut(good, good.size() - 1)},
        {"nothing behind the length", cut(good, 7)},
        {"no data_len", cut(good, kDataLenAt)},
        {"no packet", cut(good, kDataLenAt + 4)},
        {"600 bytes of ones", Bytes(600, 0xff)},
        {"1000 bytes of zeros", Bytes(1000, 0)},
        {"a frame that is followed by another", cut(good, 1000)},
        {"more than is read at once", cut(good, 5000)},
    };
    for (const int type : {0, 1, 99, 104, 255}) {
        frames.push_back(
            {"type " + std::to_string(type), changed(good, 0, static_cast<std::uint8_t>(type))});
    }
    return frames;
}

std::vector<BadPacket> bad_packets() {
    const Bytes data(200, 0x77);
    const auto decrypt = decrypt_packet(kAnySignature, data);
    const auto encrypt = encrypt_packet(kAnySignature, make_file_key(16));
    const auto with_size = [&](std::uint8_t tag, std::size_t size) {
        Bytes packet(decrypt.begin(), decrypt.begin() + 18);  // tag, length, signature
        packet[0] = tag;
        if (size >= 192) {
            packet.push_back(static_cast<std::uint8_t>(192 + (size - 192) / 256));
        }
        packet.push_back(static_cast<std::uint8_t>(size >= 192 ? (size - 192) % 256 : size));
        packet.insert(packet.end(), size, 0x77);
        return packet;
    };
    std::vector<BadPacket> packets = {
        {"an empty packet", {}},
        {"a tag alone", {0x40}},
        {"a short signature", changed(decrypt, 1, 15)},
        {"a long signature", changed(decrypt, 1, 17)},
        {"no signature", changed(decrypt, 1, 0)},
        {"a signature of upper case", changed(decrypt, 12, 'A')},
        {"a signature of other letters", changed(encrypt, 5, 'g')},
        {"a signature with a NUL", changed(encrypt, 5, 0)},
        {"a signature that ends early", cut(decrypt, 10)},
        {"nothing behind the signature", cut(decrypt, 18)},
        {"a length of five bytes' form", changed(decrypt, 18, 255)},
        {"an encrypted key of no bytes", with_size(0x40, 0)},
        {"an encrypted key of 513 bytes", with_size(0x40, 513)},
        {"a file key of no bytes", with_size(0x42, 0)},
        {"a file key of three bytes", with_size(0x42, 3)},
        {"a file key of 68 bytes", with_size(0x42, 68)},
        {"one byte too many", cut(decrypt, decrypt.size() + 1)},
        {"one byte too few", cut(decrypt, decrypt.size() - 1)},
    };
    for (const int tag : {0, 0x01, 0x41, 0x43, 0xff}) {
        packets.push_back(
            {"tag " + std::to_string(tag), changed(decrypt, 0, static_cast<std::uint8_t>(tag))});
    }
    return packets;
}

class MalformedInput : public AgentTest {
  protected:
    void SetUp() override {
        start_agent();
        signature_ = add({"example:a", "--module", "example"});
    }
    std::string signature_;
};

TEST_F(MalformedInput, FramesAreOnlyCounted) {
    int stale = 0;
    int malformed = 0;
    for (const auto& [name, bytes, fate] : bad_frames()) {
        SCOPED_TRACE(name);
        kernel_.send_raw(bytes);
        ++(fate == Fate::kStale ? stale : malformed);
        expect_round_trip(signature_);
        const auto counts = queue();
        EXPECT_EQ(counts["stale"], stale);
        EXPECT_EQ(counts["malformed"], malformed);
        EXPECT_EQ(counts["failed"], 0);
        EXPECT_EQ(counts["received"], counts["answered"]);
    }
    // Every line that it was cut to, too.
    const auto good = good_frame();
    for (std::size_t size = 1; size < good.size(); ++size) {
        kernel_.send_raw(cut(good, size));
    }
    expect_round_trip(signature_);
    const auto counts = queue();
    EXPECT_EQ(counts["stale"], stale + 1);
    EXPECT_EQ(counts["malformed"], malformed + static_cast<int>(good.size()) - 2);
}

TEST_F(MalformedInput, PacketsAreAnsweredWithFailure) {
    int failed = 0;
    for (const auto& [name, bytes] : bad_packets()) {
        SCOPED_TRACE(name);
        const auto answer = kernel_.answer_to(kernel_.ask(bytes));
        EXPECT_THAT(answer, FailsFor(ErrorCode::kMalformed));
        const bool is_tag_66 = !bytes.empty() && bytes[0] == 0x42;
        EXPECT_EQ(answer.operation,
                  is_tag_66 ? base::FileKeyOperation::kEncrypt : base::FileKeyOperation::kDecrypt);
        ++failed;
        expect_round_trip(signature_);
    }
    const auto counts = queue();
    EXPECT_EQ(counts["failed_by_reason"], Json({{"Malformed", failed}}));
    EXPECT_EQ(counts["malformed"], 0);
    EXPECT_EQ(counts["received"], failed + counts["answered"].get<int>());
}

TEST_F(MalformedInput, FramesDoNotFillTheLog) {
    for (int i = 0; i < 1000; ++i) {
        kernel_.send_raw(Bytes(100, 0xff));
    }
    expect_round_trip(signature_);
    const auto log = agent_->log();
    EXPECT_LT(std::ranges::count(log, '\n'), 40);
}

}  // namespace
}  // namespace ecryptfs::test
