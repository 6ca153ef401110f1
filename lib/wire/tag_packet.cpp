// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/tag_packet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/base/try.h"
#include "lib/wire/packet_length.h"
#include "lib/wire/packet_reader.h"

namespace ecryptfs::wire {
namespace {

// The bytes of a request or a reply.
struct KeyField {
    std::string_view name;
    std::size_t smallest;
    std::size_t largest;

    bool takes(std::size_t size) const { return size >= smallest && size <= largest; }
};

// The kernel would take a FEK of no bytes in a Tag 65 and an encrypted FEK of none in a Tag 67;
// neither can be of use.
constexpr KeyField kFileKey = {"file key", 1 + 1 + 2, kMaxFileKey};
constexpr KeyField kEncryptedFek = {"encrypted file key", 1, kMaxEncryptedFek};

// What an operation looks like in packets; tags from include/linux/ecryptfs.h.
struct Layout {
    base::FileKeyOperation operation;
    std::uint8_t request_tag;
    std::uint8_t reply_tag;
    KeyField request;
    KeyField reply;
};

constexpr auto kLayouts = std::to_array<Layout>({
    {base::FileKeyOperation::kDecrypt, 0x40, 0x41, kEncryptedFek, kFileKey},
    {base::FileKeyOperation::kEncrypt, 0x42, 0x43, kFileKey, kEncryptedFek},
});

const Layout& find_layout(base::FileKeyOperation operation) {
    return operation == base::FileKeyOperation::kDecrypt ? kLayouts[0] : kLayouts[1];
}

// Takes the tag that `member` of a layout has.
base::Result<Layout> take_tag(PacketReader& reader, std::uint8_t Layout::* member) {
    const auto tag = TRY(reader.take_native<std::uint8_t>("tag"));
    const auto* layout = std::ranges::find(kLayouts, tag, member);
    if (layout == kLayouts.end()) {
        return reader.fail(fmt::format("tag {:#04x} instead of {:#04x} or {:#04x}", tag,
                                       kLayouts[0].*member, kLayouts[1].*member),
                           0);
    }
    return *layout;
}

base::Result<KeySignature> take_packet_signature(PacketReader& reader) {
    // keystore.c: write_tag_64_packet always writes ECRYPTFS_SIG_SIZE_HEX bytes
    const auto text =
        TRY(reader.take_counted("signature", KeySignature::kTextSize, KeySignature::kTextSize));
    auto signature = KeySignature::from_text(base::as_text(text));
    if (!signature) {
        return reader.fail(signature.error().message, reader.position() - text.size());
    }
    return signature;
}

base::Result<base::ByteView> take_last(PacketReader& reader, const KeyField& field) {
    const auto data = reader.take_counted(field.name, field.smallest, field.largest);
    if (!data) {
        return data;
    }
    TRY(reader.expect_end());
    return data;
}

std::unexpected<base::Error> cannot_encode(std::string_view packet, std::string_view why) {
    return std::unexpected(
        base::Error{base::ErrorCode::kMalformed, fmt::format("{}: {}", packet, why)});
}

std::unexpected<base::Error> wrong_size(std::string_view packet, const KeyField& field,
                                        std::size_t size) {
    return cannot_encode(packet, fmt::format("{} of {} bytes, where {} to {} are expected",
                                             field.name, size, field.smallest, field.largest));
}

base::Result<base::ByteView> finish(const base::ByteWriter& writer, std::string_view packet) {
    if (!writer.ok()) {
        return cannot_encode(packet, "does not fit into the buffer");
    }
    return writer.written();
}

// keystore.c: parse_tag_65_packet and parse_tag_67_packet look at the status of packets of four
// bytes or more, and at nothing behind a status that is not zero. We write an empty key there and
// a byte of padding, and accept only that.
constexpr std::array<std::uint8_t, 2> kAfterFailure = {0, 0};

base::Result<void> expect_end_of_failure(PacketReader& reader) {
    const std::size_t at = reader.position();
    const auto rest = TRY(reader.take("end of a failure", kAfterFailure.size()));
    if (!std::ranges::equal(rest, kAfterFailure)) {
        return reader.fail("a failure carries data", at);
    }
    return reader.expect_end();
}

}  // namespace

base::Result<RequestPacket> parse_request_packet(base::ByteView packet) {
    PacketReader reader("request packet", base::ErrorCode::kMalformed, packet);
    const auto layout = TRY(take_tag(reader, &Layout::request_tag));
    const auto signature = TRY(take_packet_signature(reader));
    const auto data = TRY(take_last(reader, layout.request));
    return RequestPacket{layout.operation, signature, data};
}

base::Result<base::ByteView> encode_request_packet(const RequestPacket& request,
                                                   base::ByteSpan buffer) {
    const Layout& layout = find_layout(request.operation);
    if (!layout.request.takes(request.data.size())) {
        return wrong_size("request packet", layout.request, request.data.size());
    }
    base::ByteWriter writer(buffer);
    writer.put_byte(layout.request_tag);
    put_packet_length(writer, KeySignature::kTextSize);
    writer.put(base::as_bytes(request.signature.text()));
    put_packet_length(writer, request.data.size());
    writer.put(request.data);
    return finish(writer, "request packet");
}

base::Result<base::ByteView> encode_reply_packet(const ReplyPacket& reply, base::ByteSpan buffer) {
    const Layout& layout = find_layout(reply.operation);
    base::ByteWriter writer(buffer);
    writer.put_byte(layout.reply_tag);
    writer.put_byte(reply.status);
    if (reply.status != 0) {
        if (!reply.data.empty()) {
            return cannot_encode("reply packet", "a failure carries data");
        }
        writer.put(kAfterFailure);
        return finish(writer, "reply packet");
    }
    if (!layout.reply.takes(reply.data.size())) {
        return wrong_size("reply packet", layout.reply, reply.data.size());
    }
    put_packet_length(writer, reply.data.size());
    writer.put(reply.data);
    return finish(writer, "reply packet");
}

base::Result<ReplyPacket> parse_reply_packet(base::ByteView packet) {
    PacketReader reader("reply packet", base::ErrorCode::kMalformed, packet);
    const auto layout = TRY(take_tag(reader, &Layout::reply_tag));
    const auto status = TRY(reader.take_native<std::uint8_t>("status"));
    if (status != 0) {
        TRY(expect_end_of_failure(reader));
        return ReplyPacket{layout.operation, status, {}};
    }
    const auto data = TRY(take_last(reader, layout.reply));
    return ReplyPacket{layout.operation, 0, data};
}

bool has_valid_checksum(base::ByteView file_key) {
    if (!kFileKey.takes(file_key.size())) {
        return false;
    }
    // keystore.c: parse_tag_65_packet
    const auto fek = file_key.subspan(1, file_key.size() - 3);
    std::uint16_t sum = 0;
    for (const std::uint8_t byte : fek) {
        sum = static_cast<std::uint16_t>(sum + byte);
    }
    base::ByteReader checksum(file_key.last(2));
    return checksum.take_big_endian<std::uint16_t>() == sum;
}

}  // namespace ecryptfs::wire
