// SPDX-License-Identifier: Apache-2.0
//
// Request: version, kind, flags; then
//   mount:   size of a key, cipher's length and text, number of keys and their signatures as text,
//            number of keys for names (0 or 1) and its signature
//   unmount: mount's number (8 bytes), name's length and text
// Reply: version, verdict, error's number (4 bytes), owner (4 bytes), the kernel's line.

#include "lib/mount/helper_protocol.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "lib/wire/cipher.h"

namespace ecryptfs::mount {
namespace {

using base::ByteReader;
using base::ByteView;
using base::ByteWriter;
using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kMountKind = 'm';
constexpr std::uint8_t kUnmountKind = 'u';
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxKernelLine = 512;

constexpr std::uint8_t kLazy = 1;
constexpr std::uint8_t kReadOnly = 1;
constexpr std::uint8_t kMayHideFiles = 2;
constexpr unsigned kFirstOptionBit = 2;  // those of flag_options()

std::unexpected<Error> malformed(std::string_view what) {
    return std::unexpected(
        Error{ErrorCode::kMalformed, "request to the mount helper: " + std::string(what)});
}

std::optional<std::string_view> take_text(ByteReader& reader) {
    const auto size = reader.take_native<std::uint8_t>();
    const auto text = size ? reader.take(*size) : std::nullopt;
    return text ? std::optional(base::as_text(*text)) : std::nullopt;
}

void put_text(ByteWriter& writer, std::string_view text) {
    if (text.size() > kMaxName) {
        writer.fail();
        return;
    }
    writer.put_byte(static_cast<std::uint8_t>(text.size()));
    writer.put(base::as_bytes(text));
}

void put_keys(ByteWriter& writer, const std::vector<KeySignature>& keys) {
    writer.put_byte(static_cast<std::uint8_t>(std::min<std::size_t>(keys.size(), UINT8_MAX)));
    for (const auto& key : keys) {
        writer.put(base::as_bytes(key.text()));
    }
}

Result<std::vector<KeySignature>> take_keys(ByteReader& reader, std::size_t most) {
    const auto count = reader.take_native<std::uint8_t>();
    if (!count || *count > most) {
        return malformed("number of keys");
    }
    std::vector<KeySignature> keys;
    for (unsigned i = 0; i < *count; ++i) {
        const auto text = reader.take(KeySignature::kTextSize);
        const auto key = text ? KeySignature::from_text(base::as_text(*text)) : malformed("key");
        if (!key || std::ranges::find(keys, *key) != keys.end()) {
            return malformed("key");
        }
        keys.push_back(*key);
    }
    return keys;
}

std::uint8_t option_bits(const MountRequest& request) {
    unsigned bits = (request.options.read_only ? kReadOnly : 0U) |
                    (request.may_hide_files ? kMayHideFiles : 0U);
    unsigned bit = 1U << kFirstOptionBit;
    for (const auto& flag : flag_options()) {
        bits |= request.options.*flag.member ? bit : 0U;
        bit <<= 1U;
    }
    return static_cast<std::uint8_t>(bits);
}

// Whether all of them are known.
bool take_option_bits(unsigned bits, MountRequest& request) {
    request.options.read_only = (bits & kReadOnly) != 0;
    request.may_hide_files = (bits & kMayHideFiles) != 0;
    bits >>= kFirstOptionBit;
    for (const auto& flag : flag_options()) {
        request.options.*flag.member = (bits & 1U) != 0;
        bits >>= 1U;
    }
    return bits == 0;
}

Result<Request> parse_mount(unsigned flags, ByteReader reader) {
    MountRequest request;
    auto& options = request.options;
    if (!take_option_bits(flags, request)) {
        return malformed("unknown flags");
    }
    const auto key_bytes = reader.take_native<std::uint8_t>();
    const auto cipher = take_text(reader);
    const auto sizes = wire::key_sizes(cipher.value_or(""));
    if (!key_bytes || std::ranges::find(sizes, unsigned{*key_bytes}) == sizes.end()) {
        return malformed("cipher or size of its keys");
    }
    options.cipher = *cipher;
    options.key_bytes = *key_bytes;
    auto keys = take_keys(reader, kMaxKeys);
    if (!keys || keys->empty()) {
        return malformed("keys");
    }
    options.keys = std::move(*keys);
    auto name_keys = take_keys(reader, 1);
    if (!name_keys) {
        return malformed("key of names");
    }
    options.name_keys = std::move(*name_keys);
    return reader.empty() ? Result<Request>(std::move(request)) : malformed("too long");
}

bool is_name(std::string_view text) {
    return !text.empty() && text != "." && text != ".." && !text.contains('/') &&
           !text.contains('\0');
}

Result<Request> parse_unmount(unsigned flags, ByteReader reader) {
    if ((flags & ~unsigned{kLazy}) != 0) {
        return malformed("unknown flags");
    }
    const auto mount_id = reader.take_big_endian<std::uint64_t>();
    const auto name = mount_id ? take_text(reader) : std::nullopt;
    if (!name || !is_name(*name)) {
        return malformed("name of the mount point");
    }
    return reader.empty() ? Result<Request>(
                                UnmountRequest{std::string(*name), *mount_id, (flags & kLazy) != 0})
                          : malformed("too long");
}

void put_request(ByteWriter& writer, const MountRequest& request) {
    const auto& options = request.options;
    writer.put_byte(kMountKind);
    writer.put_byte(option_bits(request));
    writer.put_byte(
        static_cast<std::uint8_t>(options.key_bytes <= UINT8_MAX ? options.key_bytes : 0));
    put_text(writer, options.cipher);
    put_keys(writer, options.keys);
    put_keys(writer, options.name_keys);
}

void put_request(ByteWriter& writer, const UnmountRequest& request) {
    writer.put_byte(kUnmountKind);
    writer.put_byte(request.lazy ? kLazy : 0);
    writer.put_big_endian(request.mount_id);
    put_text(writer, request.name);
}

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Result<std::vector<std::uint8_t>> encode_request(const Request& request) {
    std::vector<std::uint8_t> packet(kMaxRequest);
    ByteWriter writer(packet);
    writer.put_byte(kVersion);
    std::visit([&](const auto& one) { put_request(writer, one); }, request);
    packet.resize(writer.size());
    if (const auto parsed = writer.ok() ? parse_request(packet) : malformed("too long"); !parsed) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument, parsed.error().message});
    }
    return packet;
}

Result<Request> parse_request(ByteView packet) {
    ByteReader reader(packet);
    const auto version = reader.take_native<std::uint8_t>();
    const auto kind = reader.take_native<std::uint8_t>();
    const auto flags = reader.take_native<std::uint8_t>();
    if (!flags || *version != kVersion) {
        return malformed("of another version");
    }
    if (*kind == kMountKind) {
        return parse_mount(*flags, ByteReader(reader.left()));
    }
    return *kind == kUnmountKind ? parse_unmount(*flags, ByteReader(reader.left()))
                                 : malformed("of an unknown kind");
}

std::vector<std::uint8_t> encode_reply(const Reply& reply) {
    std::vector<std::uint8_t> packet(kMaxReply);
    ByteWriter writer(packet);
    writer.put_byte(kVersion);
    writer.put_byte(static_cast<std::uint8_t>(reply.verdict));
    writer.put_big_endian(static_cast<std::uint32_t>(reply.error_number));
    writer.put_big_endian(reply.owner);
    auto line = reply.kernel_said.substr(0, kMaxKernelLine);
    std::ranges::replace_if(line, [](char c) { return !is_printable({&c, 1}); }, '?');
    writer.put(base::as_bytes(line));
    packet.resize(writer.size());
    return packet;
}

Result<Reply> parse_reply(ByteView packet) {
    ByteReader reader(packet);
    const auto version = reader.take_native<std::uint8_t>();
    const auto verdict = reader.take_native<std::uint8_t>();
    const auto error_number = reader.take_big_endian<std::uint32_t>();
    const auto owner = reader.take_big_endian<std::uint32_t>();
    const auto line = base::as_text(reader.left());
    if (!owner || *version != kVersion ||
        *verdict > static_cast<std::uint8_t>(Verdict::kLowerUnreadable) || *error_number > 4095 ||
        line.size() > kMaxKernelLine || !is_printable(line)) {
        return std::unexpected(Error{ErrorCode::kMalformed,
                                     "ecryptfs-mount-helper is of another version",
                                     "install the package ecryptfs-agent anew"});
    }
    return Reply{static_cast<Verdict>(*verdict), static_cast<int>(*error_number), *owner,
                 std::string(line)};
}

}  // namespace ecryptfs::mount
