// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/encrypted_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lib/base/hex.h"
#include "lib/base/try.h"
#include "lib/wire/cipher.h"
#include "lib/wire/packet_length.h"
#include "lib/wire/packet_reader.h"

namespace ecryptfs::lower {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;
using wire::PacketReader;

// crypto.c: portable_filename_chars
constexpr std::string_view kAlphabet =
    "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kCharacters = 4;  // stand for these:
constexpr std::size_t kBytes = 3;

constexpr std::uint8_t kTag70 = 0x46;
constexpr std::size_t kFixed = KeySignature::kSize + 1;  // and the cipher's code

std::unexpected<base::Error> bad_name(std::string_view problem, std::size_t at) {
    return std::unexpected(base::Error{ErrorCode::kMalformed,
                                       fmt::format("encrypted name: {} (byte {})", problem, at)});
}

// The prefix without the dot at its end. A tool may put something in front of that dot.
constexpr std::string_view kStem = kEncryptedNamePrefix.substr(0, kEncryptedNamePrefix.size() - 1);

// The size of an encrypted name by its packet's length; nothing if it does not begin as one.
std::optional<std::size_t> encoded_size(std::string_view name) {
    if (!is_encrypted_name(name)) {
        return std::nullopt;
    }
    const auto start = decode_name_bytes(name.substr(kEncryptedNamePrefix.size(), kCharacters));
    if (!start || start->empty() || start->front() != kTag70) {
        return std::nullopt;
    }
    base::ByteReader reader(*start);
    static_cast<void>(reader.take(1));
    const auto length = wire::take_packet_length(reader);
    if (!length) {
        return std::nullopt;
    }
    const std::size_t packet = reader.position() + *length;
    return kEncryptedNamePrefix.size() + (packet + kBytes - 1) / kBytes * kCharacters;
}

// Adds a reading without `size` characters of the name, from `at`.
void read_without(std::string_view name, std::size_t at, std::size_t size,
                  std::vector<NameReading>& readings) {
    const auto added = name.substr(at, size);
    if (added.find('/') != std::string_view::npos) {
        return;  // a path
    }
    const auto rest = std::string(name.substr(0, at)).append(name.substr(at + size));
    if (auto parsed = parse_encrypted_name(rest)) {
        readings.push_back({std::move(*parsed), std::string(added)});
    }
}

Result<ByteView> take_body(PacketReader& reader) {
    const auto tag = TRY(reader.take_native<std::uint8_t>("tag"));
    if (tag != kTag70) {
        return reader.fail(fmt::format("tag {:#04x} instead of {:#04x}", tag, kTag70), 0);
    }
    const auto body = reader.take_counted("Tag 70 packet", kFixed + 1, wire::kMaxPacketLength);
    if (!body) {
        return body;
    }
    // Base 64 fills up to three bytes.
    if (reader.left().size() >= kBytes ||
        std::ranges::any_of(reader.left(), [](std::uint8_t byte) { return byte != 0; })) {
        return reader.fail("something follows the packet", reader.position());
    }
    return body;
}

}  // namespace

std::string encode_name_bytes(ByteView bytes) {
    std::string text;
    while (!bytes.empty()) {
        const auto part = bytes.first(std::min(bytes.size(), kBytes));
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < kBytes; ++i) {
            bits = (bits << 8) | (i < part.size() ? part[i] : 0U);
        }
        for (std::size_t i = 0; i < kCharacters; ++i) {
            text += kAlphabet[(bits >> (6 * (kCharacters - 1 - i))) & 0x3f];
        }
        bytes = bytes.subspan(part.size());
    }
    return text;
}

Result<std::vector<std::uint8_t>> decode_name_bytes(std::string_view text) {
    if (text.size() % kCharacters != 0) {
        return bad_name(fmt::format("{} characters, which is not a multiple of {}: it was cut",
                                    text.size(), kCharacters),
                        text.size());
    }
    std::vector<std::uint8_t> bytes;
    bytes.reserve(text.size() / kCharacters * kBytes);
    for (std::size_t at = 0; at < text.size(); at += kCharacters) {
        std::uint32_t bits = 0;
        for (std::size_t i = at; i < at + kCharacters; ++i) {
            const auto value = kAlphabet.find(text[i]);
            if (value == std::string_view::npos) {
                return bad_name("a character that no encrypted name has", i);
            }
            bits = (bits << 6) | static_cast<std::uint32_t>(value);
        }
        for (std::size_t i = 0; i < kBytes; ++i) {
            bytes.push_back(static_cast<std::uint8_t>(bits >> (8 * (kBytes - 1 - i))));
        }
    }
    return bytes;
}

Result<EncryptedName> parse_encrypted_name(std::string_view name) {
    if (!is_encrypted_name(name)) {
        return bad_name("it does not begin as one", 0);
    }
    const auto packet = TRY(decode_name_bytes(name.substr(kEncryptedNamePrefix.size())));
    PacketReader reader("encrypted name", ErrorCode::kMalformed, packet);
    const auto body = TRY(take_body(reader));
    const std::size_t start = static_cast<std::size_t>(body.data() - packet.data());
    const std::uint8_t code = (body)[KeySignature::kSize];
    const wire::Cipher* cipher = wire::find_cipher(code);
    if (cipher == nullptr) {
        return reader.fail(fmt::format("unknown cipher {:#04x}", code),
                           start + KeySignature::kSize);
    }
    const auto encrypted = body.subspan(kFixed);
    if (encrypted.size() % cipher->block_size != 0) {
        return reader.fail(fmt::format("{} encrypted bytes, which are not whole blocks of {}",
                                       encrypted.size(), cipher->block_size),
                           start + kFixed);
    }
    return EncryptedName{KeySignature::from_bytes(body.first<KeySignature::kSize>()),
                         code,
                         {encrypted.begin(), encrypted.end()}};
}

std::vector<NameReading> read_lower_name(std::string_view name) {
    if (!name.starts_with(kStem)) {
        return {};
    }
    if (auto whole = parse_encrypted_name(name)) {
        return {{std::move(*whole), ""}};
    }
    std::vector<NameReading> readings;
    const std::size_t last_dot = name.rfind('.');
    if (const auto size = encoded_size(name); size && name.size() > *size) {
        const std::size_t added = name.size() - *size;
        read_without(name, *size, added, readings);
        if (last_dot != std::string_view::npos && last_dot >= added) {
            read_without(name, last_dot - added, added, readings);
        }
        return readings;
    }
    // In front of the prefix's dot; what was added may have dots itself.
    for (auto dot = name.find('.', kStem.size() + 1);
         dot != std::string_view::npos && readings.empty(); dot = name.find('.', dot + 1)) {
        read_without(name, kStem.size(), dot - kStem.size(), readings);
    }
    return readings;
}

std::string encode_encrypted_name(const EncryptedName& name) {
    std::vector<std::uint8_t> packet(3 + kFixed + name.encrypted.size());
    base::ByteWriter writer(packet);
    writer.put_byte(kTag70);
    wire::put_packet_length(writer, kFixed + name.encrypted.size());
    writer.put(base::from_hex(name.signature.text()).value());
    writer.put_byte(name.cipher_code);
    writer.put(name.encrypted);
    return std::string(kEncryptedNamePrefix) + encode_name_bytes(writer.written());
}

}  // namespace ecryptfs::lower
