// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/header_writer.h"

#include <fmt/format.h>

#include <limits>

#include "lib/base/hex.h"
#include "lib/lower/header_format.h"
#include "lib/wire/packet_length.h"
#include "lib/wire/tag_packet.h"

namespace ecryptfs::lower {
namespace {

using base::ByteWriter;
using base::Result;

std::unexpected<base::Error> refused(std::string message) {
    return std::unexpected(base::Error{base::ErrorCode::kInvalidArgument, std::move(message)});
}

void put_signature(ByteWriter& writer, const wire::KeySignature& signature) {
    writer.put(base::from_hex(signature.text()).value());
}

void put_packet(ByteWriter& writer, const NewPublicKeyPacket& packet) {
    writer.put_byte(kTag1);
    wire::put_packet_length(writer, kPublicKeyFixed + packet.encrypted_fek.size());
    writer.put_byte(kPublicKeyVersion);
    put_signature(writer, packet.signature);
    writer.put_byte(kRsa);
    writer.put(packet.encrypted_fek);
}

void put_packet(ByteWriter& writer, const NewPassphrasePacket& packet) {
    writer.put_byte(kTag3);
    wire::put_packet_length(writer, kPassphraseFixed + packet.encrypted_fek.size());
    writer.put_byte(kSymmetricVersion);
    writer.put_byte(packet.cipher_code);
    writer.put_byte(kIteratedAndSalted);
    writer.put_byte(kMd5);
    writer.put(packet.salt);
    writer.put_byte(kIterations);
    writer.put(packet.encrypted_fek);

    writer.put_byte(kTag11);
    wire::put_packet_length(writer, kLiteralSize);
    writer.put_byte(kBinary);
    writer.put_byte(kNameSize);
    writer.put(base::as_bytes(kLiteralName));
    writer.put_zeros(kDateSize);
    put_signature(writer, packet.signature);
}

void put_packet(ByteWriter& writer, const NewKeyPacket& packet) {
    std::visit([&](const auto& each) { put_packet(writer, each); }, packet);
}

// Whether the reader takes a FEK of this size.
bool is_encrypted_fek(const NewKeyPacket& packet) {
    const auto* passphrase = std::get_if<NewPassphrasePacket>(&packet);
    const auto size =
        std::visit([](const auto& each) { return each.encrypted_fek.size(); }, packet);
    return size > 0 && size <= (passphrase != nullptr ? wire::kMaxFek : wire::kMaxEncryptedFek);
}

std::unexpected<base::Error> refused_fek() {
    return refused("an encrypted file key of a size that the kernel does not read");
}

// The header that was written, which has so many packets.
Result<std::vector<std::uint8_t>> finish_header(const ByteWriter& writer, std::size_t packets) {
    if (packets == 0 || packets > kMaxKeyPackets || !writer.ok()) {
        return refused(fmt::format("{} keys, which do not fit into a header", packets));
    }
    const auto written = writer.written();
    return std::vector<std::uint8_t>(written.begin(), written.end());
}

}  // namespace

Result<std::vector<std::uint8_t>> encode_header(const NewHeader& header) {
    const auto front = header.size_at_front / kExtentSize;
    if (header.size_at_front % kExtentSize != 0 || header.size_at_front < kLeastSizeAtFront ||
        front > std::numeric_limits<std::uint16_t>::max()) {
        return refused(fmt::format("a header of {} bytes", header.size_at_front));
    }
    if (header.plain_size > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        return refused(fmt::format("a size of {} bytes", header.plain_size));
    }
    std::vector<std::uint8_t> bytes(kMaxHeader);
    ByteWriter writer(bytes);
    writer.put_big_endian(header.plain_size);
    writer.put_big_endian(header.marker);
    writer.put_big_endian(header.marker ^ kMarkerMask);
    writer.put_big_endian(std::uint32_t{kNewestVersion} << 24 | (header.flags & 0xffffffU));
    writer.put_big_endian(static_cast<std::uint32_t>(kExtentSize));
    writer.put_big_endian(static_cast<std::uint16_t>(front));
    for (const auto& packet : header.packets) {
        if (!is_encrypted_fek(packet)) {
            return refused_fek();
        }
        put_packet(writer, packet);
    }
    return finish_header(writer, header.packets.size());
}

Result<std::vector<std::uint8_t>> replace_packets(base::ByteView bytes, const Header& header,
                                                  std::span<const KeptOrNewPacket> packets) {
    const auto front = kFixedFields + (header.version == 0 ? 0 : kFrontFields);
    std::vector<std::uint8_t> room(kMaxHeader);
    ByteWriter writer(room);
    writer.put(bytes.first(front));
    for (const auto& packet : packets) {
        if (const auto* fresh = std::get_if<NewKeyPacket>(&packet)) {
            if (!is_encrypted_fek(*fresh)) {
                return refused_fek();
            }
            put_packet(writer, *fresh);
        } else {
            writer.put(std::get<base::ByteView>(packet));
        }
    }
    return finish_header(writer, packets.size());
}

std::array<std::uint8_t, 8> encode_plain_size(std::uint64_t plain_size) {
    std::array<std::uint8_t, 8> bytes{};
    ByteWriter(bytes).put_big_endian(plain_size);
    return bytes;
}

}  // namespace ecryptfs::lower
