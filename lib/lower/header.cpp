// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/header.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lib/base/try.h"
#include "lib/base/zeros.h"
#include "lib/lower/header_format.h"
#include "lib/wire/cipher.h"
#include "lib/wire/packet_length.h"
#include "lib/wire/packet_reader.h"
#include "lib/wire/tag_packet.h"

namespace ecryptfs::lower {
namespace {

using base::ByteReader;
using base::ByteView;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;
using wire::PacketReader;

// A byte that must have one value.
struct Expected {
    std::size_t at;  // in the packet's body
    std::uint8_t value;
    std::string_view name;
};

// Takes a length and as many bytes. The `expected` ones must have the value that the kernel knows.
Result<ByteView> take_body(PacketReader& reader, std::string_view name, std::size_t smallest,
                           std::size_t largest, std::initializer_list<Expected> expected) {
    const auto body = reader.take_counted(name, smallest, largest);
    if (!body) {
        return body;
    }
    const std::size_t start = reader.position() - body->size();
    for (const auto& [at, value, field] : expected) {
        if ((*body)[at] != value) {
            return reader.fail(
                fmt::format("{} {} {:#04x} instead of {:#04x}", name, field, (*body)[at], value),
                start + at);
        }
    }
    return body;
}

KeySignature read_signature(ByteView body, std::size_t at) {
    return KeySignature::from_bytes(body.subspan(at).first<KeySignature::kSize>());
}

// keystore.c: parse_tag_1_packet; behind the tag
Result<KeyPacket> take_tag_1(PacketReader& reader) {
    const auto body = TRY(take_body(
        reader, "Tag 1 packet", kPublicKeyFixed + 1, kPublicKeyFixed + wire::kMaxEncryptedFek,
        {{0, kPublicKeyVersion, "version"}, {kPublicKeyFixed - 1, kRsa, "algorithm"}}));
    return KeyPacket{.kind = PacketKind::kPublicKey,
                     .signature = read_signature(body, 1),
                     .encrypted_fek = body.subspan(kPublicKeyFixed)};
}

// keystore.c: parse_tag_11_packet; with the tag. Gives the signature.
Result<KeySignature> take_tag_11(PacketReader& reader) {
    const std::size_t at = reader.position();
    const auto tag = TRY(reader.take_native<std::uint8_t>("Tag 11 packet"));
    if (tag != kTag11) {
        return reader.fail(
            fmt::format("no Tag 11 packet behind the Tag 3 packet, but {:#04x}", tag), at);
    }
    const auto body = TRY(take_body(reader, "Tag 11 packet", kLiteralSize, kLiteralSize,
                                    {{0, kBinary, "format"}, {1, kNameSize, "name's size"}}));
    return read_signature(body, kLiteralSize - KeySignature::kSize);
}

// keystore.c: parse_tag_3_packet; behind the tag, and the Tag 11 packet that follows
Result<KeyPacket> take_tag_3(PacketReader& reader) {
    const auto body = TRY(take_body(reader, "Tag 3 packet", kPassphraseFixed + 1,
                                    kPassphraseFixed + wire::kMaxFek,
                                    {{0, kSymmetricVersion, "version"},
                                     {2, kIteratedAndSalted, "S2K specifier"},
                                     {3, kMd5, "hash"}}));
    const std::uint8_t code = (body)[1];
    if (wire::find_cipher(code) == nullptr) {
        return reader.fail(fmt::format("Tag 3 packet of an unknown cipher {:#04x}", code),
                           reader.position() - body.size() + 1);
    }
    const std::size_t signature_offset = reader.position();
    const auto signature = TRY(take_tag_11(reader));
    return KeyPacket{.kind = PacketKind::kPassphrase,
                     .signature = signature,
                     .encrypted_fek = body.subspan(kPassphraseFixed),
                     .cipher_code = code,
                     .salt = body.subspan(4, kSaltSize),
                     .signature_offset = signature_offset};
}

Result<KeyPacket> take_packet(PacketReader& reader) {
    const std::size_t at = reader.position();
    const std::uint8_t tag = reader.left().front();
    static_cast<void>(reader.take("tag", 1));
    auto packet =
        tag == kTag1 ? take_tag_1(reader)
        : tag == kTag3
            ? take_tag_3(reader)
            : Result<KeyPacket>(reader.fail(fmt::format("no packet begins with {:#04x}", tag), at));
    if (packet) {
        packet->offset = at;
        packet->size = reader.position() - at;
    }
    return packet;
}

// Where the next sound packet begins behind the reader's byte; the end if there is none. Mostly
// there are zeros only.
std::size_t find_sound_packet(PacketReader reader) {
    static_cast<void>(reader.take("byte", 1));
    while (!reader.empty()) {
        const auto left = reader.left();
        const auto tag =
            base::is_zero(left) ? left.end() : std::ranges::find_if(left, [](std::uint8_t byte) {
                return byte == kTag1 || byte == kTag3;
            });
        static_cast<void>(reader.take("bytes", static_cast<std::size_t>(tag - left.begin())));
        PacketReader packet = reader;
        if (reader.empty() || take_packet(packet)) {
            break;
        }
        static_cast<void>(reader.take("byte", 1));
    }
    return reader.position();
}

// Whether the Tag 1 packet from `start` on is too long: its length reaches over the packets behind
// it. One of them then begins where an RSA modulus may end, and sound ones follow each other up to
// the packet's end; or beyond it, where neither a sound packet nor the end of them is. Encrypted
// bytes look like that once in millions of files.
bool covers_others(const PacketReader& start, const KeyPacket& packet) {
    constexpr std::size_t kModulusStep = 8;  // bytes; RSA keys of other sizes are not made
    if (packet.kind != PacketKind::kPublicKey) {
        return false;
    }
    const std::size_t end = packet.offset + packet.size;
    const std::size_t modulus = end - packet.encrypted_fek.size();
    PacketReader reader = start;
    const std::size_t first = find_sound_packet(reader);
    if (first <= modulus || first >= end || (first - modulus) % kModulusStep != 0) {
        return false;
    }
    static_cast<void>(reader.take("packet", first - packet.offset));
    while (reader.position() < end) {
        if (!take_packet(reader)) {
            return false;
        }
    }
    PacketReader behind = start;
    static_cast<void>(behind.take("packet", packet.size));
    const bool continues = behind.empty() || behind.left().front() == 0 || take_packet(behind);
    return reader.position() == end || !continues;
}

// Takes a packet's body by its length alone, whatever the tag.
std::optional<ByteView> skip_packet(PacketReader& reader) {
    static_cast<void>(reader.take("tag", 1));
    const auto body = reader.take_counted("packet", 0, wire::kMaxPacketLength);
    return body ? std::optional(*body) : std::nullopt;
}

// Skips a packet that take_packet() refused, and the Tag 11 that belongs to it. `next_sound` is
// where the next sound packet begins.
DamagedPacket take_damaged(PacketReader& reader, base::Error error, std::size_t next_sound) {
    DamagedPacket damaged{
        .offset = reader.position(), .tag = reader.left().front(), .error = std::move(error)};
    PacketReader by_length = reader;
    auto body = damaged.tag == 0 ? std::nullopt : skip_packet(by_length);
    if (body && damaged.tag == kTag1 && body->size() > KeySignature::kSize) {
        damaged.signature = read_signature(*body, 1);
    } else if (body && !by_length.empty() && by_length.left().front() == kTag11) {
        body = skip_packet(by_length);
        const bool own = by_length.position() <= next_sound;
        if (body && own && body->size() == kLiteralSize) {
            damaged.signature = read_signature(*body, kLiteralSize - KeySignature::kSize);
        }
    }
    const std::size_t next = body ? std::min(by_length.position(), next_sound) : next_sound;
    damaged.size = next - damaged.offset;
    static_cast<void>(reader.take("damaged packet", damaged.size));
    return damaged;
}

// Takes packets up to zeros or the end.
void take_packets(PacketReader& reader, Header& header) {
    const std::size_t end = reader.position() + reader.left().size();
    std::size_t next_sound = 0;
    while (!reader.empty()) {
        const PacketReader start = reader;
        auto packet = take_packet(reader);
        if (packet && covers_others(start, *packet)) {
            packet = start.fail("Tag 1 packet whose length reaches over the packet behind it",
                                packet->offset + 1);
        }
        if (packet) {
            header.packets.push_back(*packet);
        } else {
            reader = start;
            next_sound = next_sound > reader.position() ? next_sound : find_sound_packet(reader);
            if (reader.left().front() == 0 && next_sound == end) {
                break;
            }
            header.damaged_packets.push_back(
                take_damaged(reader, std::move(packet.error()), next_sound));
        }
        if (header.packets.size() + header.damaged_packets.size() == kMaxKeyPackets) {
            break;
        }
    }
    if (!header.damaged_packets.empty()) {
        header.damage = header.damaged_packets.front().error;
    } else if (header.packets.empty()) {
        header.damage = reader.fail("no packet with a file key", reader.position()).error();
    }
}

Result<void> take_fixed_fields(PacketReader& reader, Header& header) {
    const auto size = reader.take_big_endian<std::uint64_t>("size");
    const auto marker = reader.take("marker", 8);
    const auto version = reader.take_big_endian<std::uint32_t>("version and flags");
    if (!size || !marker || !version) {
        return std::unexpected(!size ? size.error() : !marker ? marker.error() : version.error());
    }
    header.plain_size = *size;
    header.version = static_cast<std::uint8_t>(*version >> 24);
    header.flags = *version & 0xffffffU;
    if (header.plain_size > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        return reader.fail(fmt::format("a size of {} bytes, which no file can have", *size), 0);
    }
    if (header.version > kNewestVersion) {
        return reader.fail(
            fmt::format("version {}, where at most {} is known", header.version, kNewestVersion),
            16);
    }
    return {};
}

// crypto.c: parse_header_metadata; files of version 0 do not have it
Result<void> take_size_at_front(PacketReader& reader, Header& header) {
    if (header.version == 0) {
        header.size_at_front = kLeastSizeAtFront;
        return {};
    }
    const std::size_t at = reader.position();
    const auto size = reader.take_big_endian<std::uint32_t>("header extent size");
    const auto count = reader.take_big_endian<std::uint16_t>("number of header extents");
    if (!size || !count) {
        return std::unexpected(size ? count.error() : size.error());
    }
    header.size_at_front = std::uint64_t{*size} * *count;
    const bool elsewhere = (header.flags & kHeaderInAttribute) != 0;
    if (header.size_at_front < kLeastSizeAtFront && !elsewhere) {
        return reader.fail(fmt::format("a header of {} bytes, where at least {} are expected",
                                       header.size_at_front, kLeastSizeAtFront),
                           at);
    }
    return {};
}

}  // namespace

bool has_marker(ByteView bytes) {
    ByteReader reader(bytes);
    if (!reader.take(kMarkerOffset)) {
        return false;
    }
    const auto first = reader.take_big_endian<std::uint32_t>();
    const auto second = reader.take_big_endian<std::uint32_t>();
    return first && second && (*first ^ kMarkerMask) == *second;
}

Result<Header> parse_header(ByteView bytes) {
    const auto head = bytes.first(std::min(bytes.size(), kMaxHeader));
    PacketReader reader("header", ErrorCode::kMalformed, head);
    if (!has_marker(head)) {
        return reader.fail("no eCryptfs marker", std::min(kMarkerOffset, head.size()));
    }
    Header header;
    TRY(take_fixed_fields(reader, header));
    TRY(take_size_at_front(reader, header));
    take_packets(reader, header);
    return header;
}

}  // namespace ecryptfs::lower
