// SPDX-License-Identifier: Apache-2.0
//
// Request: version, kind, flags; then
//   mount:   size of a key, cipher's length and text, number of keys and their signatures as text,
//            number of keys for names (0 or 1) and its signature
//   unmount: mount's number (8 bytes), name's length and text
// Reply: version, verdict, error's number (4 bytes), owner (4 bytes), the kernel's line.

#include "lib/mount/helper_protocol.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/base/fields.h"
#include "lib/wire/cipher.h"

namespace ecryptfs::mount {
namespace {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::FieldReader;
using base::FieldWriter;
using base::Result;
using wire::KeySignature;

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kMountKind = 'm';
constexpr std::uint8_t kUnmountKind = 'u';
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxKernelLine = 512;
constexpr std::uint32_t kMaxErrorNumber = 4095;  // include/linux/err.h: MAX_ERRNO

// --- Kinds of fields ---------------------------------------------------------------------------

template <typename Fields>
void pass_version(Fields& fields) {
    auto version = kVersion;
    fields.pass_native(version);
    if (version != kVersion) {
        fields.fail("of another version");
    }
}

// A bit for each, from the lowest.
template <typename Fields>
void pass_flags(Fields& fields, const std::vector<bool*>& flags) {
    std::uint8_t bits = 0;
    unsigned bit = 1;
    for (const bool* flag : flags) {
        bits = static_cast<std::uint8_t>(bits | (*flag ? bit : 0U));
        bit <<= 1U;
    }
    fields.pass_native(bits);
    if (bits >= bit) {
        fields.fail("unknown flags");
    }
    bit = 1;
    for (bool* flag : flags) {
        *flag = (bits & bit) != 0;
        bit <<= 1U;
    }
}

template <typename Fields>
void pass_text(Fields& fields, std::string& text) {
    if (text.size() > kMaxName) {
        fields.fail("a text is too long");
    }
    auto size = static_cast<std::uint8_t>(text.size());
    auto bytes = base::as_bytes(text);
    fields.pass_native(size);
    fields.pass_bytes(bytes, size);
    if constexpr (!Fields::kWrites) {
        text = base::as_text(bytes);
    }
}

template <typename Fields>
void pass_key(Fields& fields, std::optional<KeySignature>& key) {
    auto text = key ? base::as_bytes(key->text()) : ByteView();
    fields.pass_bytes(text, KeySignature::kTextSize);
    if constexpr (!Fields::kWrites) {
        const auto read = KeySignature::from_text(base::as_text(text));
        key = read ? std::optional(*read) : std::nullopt;
    }
}

template <typename Fields>
void pass_keys(Fields& fields, std::vector<KeySignature>& keys, std::size_t most) {
    auto count = static_cast<std::uint8_t>(std::min<std::size_t>(keys.size(), UINT8_MAX));
    fields.pass_native(count);
    if (count > most) {
        fields.fail("too many keys");
    }
    const auto sent = std::exchange(keys, {});
    for (std::size_t i = 0; fields.ok() && i < count; ++i) {
        std::optional<KeySignature> key;
        if constexpr (Fields::kWrites) {
            key = sent[i];
        }
        pass_key(fields, key);
        if (!key || std::ranges::find(keys, *key) != keys.end()) {
            fields.fail("key");
            return;
        }
        keys.push_back(*key);
    }
}

// --- Messages ----------------------------------------------------------------------------------

constexpr std::uint8_t message_kind(const MountRequest&) {
    return kMountKind;
}
template <typename Fields>
void pass_fields(Fields& fields, MountRequest& request) {
    auto& options = request.options;
    std::vector<bool*> flags = {&options.read_only, &request.may_hide_files};
    for (const auto& flag : flag_options()) {
        flags.push_back(&(options.*flag.member));
    }
    pass_flags(fields, flags);
    const auto key_bytes = options.key_bytes;
    auto sent_key_bytes = static_cast<std::uint8_t>(key_bytes <= UINT8_MAX ? key_bytes : 0);
    fields.pass_native(sent_key_bytes);
    options.key_bytes = sent_key_bytes;
    pass_text(fields, options.cipher);
    const auto sizes = wire::key_sizes(options.cipher);
    if (std::ranges::find(sizes, options.key_bytes) == sizes.end()) {
        fields.fail("cipher or size of its keys");
    }
    pass_keys(fields, options.keys, kMaxKeys);
    if (options.keys.empty()) {
        fields.fail("no keys");
    }
    pass_keys(fields, options.name_keys, 1);
}

bool is_name(std::string_view text) {
    return !text.empty() && text != "." && text != ".." && !text.contains('/') &&
           !text.contains('\0');
}

constexpr std::uint8_t message_kind(const UnmountRequest&) {
    return kUnmountKind;
}
template <typename Fields>
void pass_fields(Fields& fields, UnmountRequest& request) {
    pass_flags(fields, {&request.lazy});
    fields.pass_big_endian(request.mount_id);
    pass_text(fields, request.name);
    if (!is_name(request.name)) {
        fields.fail("name of the mount point");
    }
}

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

template <typename Fields>
void pass_fields(Fields& fields, Reply& reply) {
    pass_version(fields);
    auto verdict = std::to_underlying(reply.verdict);
    auto error_number = static_cast<std::uint32_t>(reply.error_number);
    auto line = base::as_bytes(reply.kernel_said);
    fields.pass_native(verdict);
    fields.pass_big_endian(error_number);
    fields.pass_big_endian(reply.owner);
    fields.pass_rest(line);
    if (verdict > std::to_underlying(Verdict::kLowerUnreadable) || error_number > kMaxErrorNumber ||
        line.size() > kMaxKernelLine || !is_printable(base::as_text(line))) {
        fields.fail("unknown value");
        return;
    }
    reply.verdict = Verdict{verdict};
    reply.error_number = static_cast<int>(error_number);
    if constexpr (!Fields::kWrites) {
        reply.kernel_said = base::as_text(line);
    }
}

// --- Packets -----------------------------------------------------------------------------------

std::string request_problem(std::string_view problem) {
    return "request to the mount helper: " + std::string(problem);
}

template <typename Message>
Result<Request> read_request(FieldReader& fields) {
    Message message;
    pass_fields(fields, message);
    fields.expect_end();
    if (!fields.ok()) {
        return std::unexpected(Error{ErrorCode::kMalformed, request_problem(fields.problem())});
    }
    return message;
}

}  // namespace

Result<std::vector<std::uint8_t>> encode_request(const Request& request) {
    std::vector<std::uint8_t> packet(kMaxRequest);
    FieldWriter fields(packet);
    pass_version(fields);
    const auto write = [&](auto message) {
        fields.pass_native(message_kind(message));
        pass_fields(fields, message);
    };
    std::visit(write, request);
    if (!fields.ok()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, request_problem(fields.problem())});
    }
    packet.resize(fields.written().size());
    return packet;
}

Result<Request> parse_request(ByteView packet) {
    FieldReader fields(packet);
    std::uint8_t kind = 0;
    pass_version(fields);
    fields.pass_native(kind);
    if (kind == kMountKind) {
        return read_request<MountRequest>(fields);
    }
    if (kind != kUnmountKind) {
        fields.fail("of an unknown kind");
    }
    return read_request<UnmountRequest>(fields);
}

std::vector<std::uint8_t> encode_reply(const Reply& reply) {
    auto sent = reply;
    sent.kernel_said.resize(std::min(sent.kernel_said.size(), kMaxKernelLine));
    std::ranges::replace_if(sent.kernel_said, [](char c) { return !is_printable({&c, 1}); }, '?');
    std::vector<std::uint8_t> packet(kMaxReply);
    FieldWriter fields(packet);
    pass_fields(fields, sent);
    packet.resize(fields.written().size());
    return packet;
}

Result<Reply> parse_reply(ByteView packet) {
    FieldReader fields(packet);
    Reply reply;
    pass_fields(fields, reply);
    if (!fields.ok()) {
        return std::unexpected(Error{ErrorCode::kMalformed,
                                     "ecryptfs-mount-helper is of another version",
                                     "install the package ecryptfs-agent anew"});
    }
    return reply;
}

}  // namespace ecryptfs::mount
