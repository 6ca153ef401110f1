// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/device_frame.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "lib/base/try.h"
#include "lib/wire/packet_length.h"
#include "lib/wire/packet_reader.h"

namespace ecryptfs::wire {
namespace {

constexpr std::size_t kHeadSize = 1 + 4;     // type, counter
constexpr std::size_t kMessageHead = 4 + 4;  // index, data_len: struct ecryptfs_message
constexpr std::size_t kMaxLengthField = 2;   // ECRYPTFS_MAX_PKT_LEN_SIZE

constexpr std::size_t max_packet(FrameType type) {
    const auto frame = type == FrameType::kRequest ? kMaxRequestFrame : kMaxResponseFrame;
    return frame - kHeadSize - kMaxLengthField - kMessageHead;
}

constexpr bool may_carry_message(FrameType type) {
    return type == FrameType::kRequest || type == FrameType::kResponse;
}

std::string too_large_a_packet(FrameType type, std::size_t size) {
    return fmt::format("packet of {} bytes, where the kernel takes {} at most", size,
                       max_packet(type));
}

base::Result<FrameType> take_type(PacketReader& reader) {
    const auto byte = TRY(reader.take_native<std::uint8_t>("type"));
    switch (const auto type = static_cast<FrameType>(byte)) {
        case FrameType::kHelo:
        case FrameType::kQuit:
        case FrameType::kRequest:
        case FrameType::kResponse:
            return type;
    }
    return reader.fail(fmt::format("unknown type {}", byte), 0);
}

// Type and counter; `bare` if nothing follows them.
base::Result<DeviceFrame> take_frame_head(PacketReader& reader) {
    const auto type = TRY(take_type(reader));
    const auto counter = TRY(reader.take_big_endian<std::uint32_t>("counter"));
    if (reader.empty() && type == FrameType::kResponse) {
        return reader.fail("a response without a message", reader.position());
    }
    if (!reader.empty() && !may_carry_message(type)) {
        return reader.fail(fmt::format("{} bytes follow a message of type {}, which is bare",
                                       reader.left().size(), std::to_underlying(type)),
                           reader.position());
    }
    return DeviceFrame{.type = type, .bare = reader.empty(), .counter = counter};
}

// miscdev.c: ecryptfs_miscdev_write compares the length with what follows it,
// ecryptfs_miscdev_response compares data_len with the length.
base::Result<void> take_message(PacketReader& reader, DeviceFrame& frame) {
    const std::size_t length_at = reader.position();
    const auto length = TRY(reader.take_length());
    if (length != reader.left().size()) {
        return reader.fail(
            fmt::format("length field says {} bytes, {} follow", length, reader.left().size()),
            length_at);
    }
    const auto index = TRY(reader.take_native<std::uint32_t>("index"));
    const std::size_t data_len_at = reader.position();
    const auto data_len = TRY(reader.take_native<std::uint32_t>("data_len"));
    if (data_len != reader.left().size()) {
        return reader.fail(
            fmt::format("data_len says {} bytes, {} follow", data_len, reader.left().size()),
            data_len_at);
    }
    if (data_len > max_packet(frame.type)) {
        return reader.fail(too_large_a_packet(frame.type, data_len), data_len_at);
    }
    frame.index = index;
    frame.packet = reader.left();
    return {};
}

std::unexpected<base::Error> cannot_encode_frame(std::string_view why) {
    return std::unexpected(
        base::Error{base::ErrorCode::kMalformed, fmt::format("device frame: {}", why)});
}

}  // namespace

base::Result<DeviceFrame> decode_frame(base::ByteView bytes) {
    PacketReader reader("device frame", base::ErrorCode::kMalformed, bytes);
    auto frame = take_frame_head(reader);
    if (!frame || frame->bare) {
        return frame;
    }
    TRY(take_message(reader, *frame));
    return frame;
}

std::size_t frame_size(base::ByteView bytes) {
    PacketReader reader("device frame", base::ErrorCode::kMalformed, bytes);
    if (!take_frame_head(reader)) {
        return bytes.size();
    }
    const auto after_head = reader.position();
    const auto length = reader.take_length();
    if (!length || *length > reader.left().size()) {
        return bytes.size();
    }
    return *length == 0 ? after_head : reader.position() + *length;
}

base::Result<base::ByteView> encode_frame(const DeviceFrame& frame, base::ByteSpan buffer) {
    if (frame.bare ? frame.type == FrameType::kResponse : !may_carry_message(frame.type)) {
        return cannot_encode_frame(frame.bare ? "a response without a message"
                                              : "HELO and QUIT carry no message");
    }
    if (!frame.bare && frame.packet.size() > max_packet(frame.type)) {
        return cannot_encode_frame(too_large_a_packet(frame.type, frame.packet.size()));
    }
    base::ByteWriter writer(buffer);
    writer.put_byte(std::to_underlying(frame.type));
    writer.put_big_endian(frame.counter);  // miscdev.c: cpu_to_be32(msg_ctx->counter)
    if (!frame.bare) {
        put_packet_length(writer, kMessageHead + frame.packet.size());
        writer.put_native(frame.index);
        writer.put_native(static_cast<std::uint32_t>(frame.packet.size()));
        writer.put(frame.packet);
    }
    if (!writer.ok()) {
        return cannot_encode_frame(
            fmt::format("does not fit into a buffer of {} bytes", buffer.size()));
    }
    return writer.written();
}

}  // namespace ecryptfs::wire
