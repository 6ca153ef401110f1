// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_protocol.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

#include "lib/base/fields.h"
#include "lib/base/printable.h"

namespace ecryptfs::pki {
namespace {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;

// First byte of a packet.
enum class Type : std::uint8_t {
    kOpenKey = 1,
    kCloseKey,
    kKeyOperation,
    kHello,
    kRefusal,
    kOpened,
    kDone,
    kFailed,
    kListItems,
    kMakeKey,
    kItem,
    kClosed,
    kUnwrapOaep,
    kDeriveSecret,
};

// --- Kinds of fields ---------------------------------------------------------------------------

template <typename Fields>
void pass_counted(Fields& fields, ByteView& bytes, std::size_t limit = kMaxHostMessage) {
    if (bytes.size() > limit) {
        fields.fail("a field is too long");
    }
    auto size = static_cast<std::uint16_t>(bytes.size());
    fields.pass_native(size);
    if (size > limit) {
        fields.fail("a field is too long");
    }
    fields.pass_bytes(bytes, size);
}

template <typename Fields>
void pass_string(Fields& fields, std::string_view& text, std::size_t limit) {
    auto bytes = base::as_bytes(text);
    pass_counted(fields, bytes, limit);
    text = base::as_text(bytes);
}

template <typename Fields>
void pass_locator(Fields& fields, std::string_view& locator) {
    pass_string(fields, locator, kMaxLocator);
}

// Fit for the bus, the log and people: the writer cuts it and replaces what cannot be printed.
template <typename Fields>
void pass_text(Fields& fields, std::string_view& text) {
    std::array<char, kMaxText> shown{};
    auto fit =
        Fields::kWrites ? std::string_view(shown.data(), base::put_printable(shown, text)) : text;
    pass_string(fields, fit, kMaxText);
    if (!base::is_printable(fit)) {
        fields.fail("a text cannot be printed");
    }
    if constexpr (!Fields::kWrites) {
        text = fit;
    }
}

// An enumeration whose values are first..last.
template <typename Fields, typename Enum>
void pass_enumeration(Fields& fields, Enum& value, Enum first, Enum last) {
    auto number = std::to_underlying(value);
    fields.pass_native(number);
    if (number < std::to_underlying(first) || number > std::to_underlying(last)) {
        fields.fail("unknown value");
    }
    value = fields.ok() ? Enum{number} : first;
}

template <typename Fields>
void pass_secret(Fields& fields, base::SecretEntry& secret) {
    const auto bytes = base::secret_bytes(secret);
    auto present = static_cast<std::uint8_t>(bytes ? 1 : 0);
    auto value = bytes.value_or(ByteView{});
    fields.pass_native(present);
    pass_counted(fields, value);
    if (present > 1 || (present == 0 && !value.empty())) {
        fields.fail("a value that is not there");
    }
    secret = base::secret_entry(present == 1 ? std::optional(value) : std::nullopt);
}

// Not cut, unlike texts for people: a value may be an option.
template <typename Fields>
void pass_properties(Fields& fields, std::vector<Property>& properties) {
    if (properties.size() > kMaxProperties) {
        fields.fail("too many properties");
    }
    auto count = static_cast<std::uint8_t>(properties.size());
    fields.pass_native(count);
    if (count > kMaxProperties) {
        fields.fail("too many properties");
    }
    properties.resize(fields.ok() ? count : 0);
    for (auto& property : properties) {
        pass_string(fields, property.name, kMaxText);
        pass_string(fields, property.value, kMaxText);
    }
}

template <typename Fields>
void pass_public_key(Fields& fields, PublicKeyView& key) {
    pass_enumeration(fields, key.kind, PublicKeyKind::kRsa, PublicKeyKind::kX25519);
    pass_counted(fields, key.modulus);
    pass_counted(fields, key.exponent);
    pass_counted(fields, key.point);
    if (fields.ok() && !is_well_formed(key)) {
        fields.fail("no such public key");
    }
}

// --- Messages ----------------------------------------------------------------------------------

constexpr Type message_type(const OpenKey&) {
    return Type::kOpenKey;
}
template <typename Fields>
void pass_fields(Fields& fields, OpenKey& message) {
    fields.pass_native(message.id);
    fields.pass_native(message.key);
    pass_enumeration(fields, message.use, KeyUse::kPublic, KeyUse::kPrivate);
    pass_locator(fields, message.locator);
    pass_secret(fields, message.secret);
}

constexpr Type message_type(const CloseKey&) {
    return Type::kCloseKey;
}
template <typename Fields>
void pass_fields(Fields& fields, CloseKey& message) {
    fields.pass_native(message.key);
}

constexpr Type message_type(const KeyOperation&) {
    return Type::kKeyOperation;
}
template <typename Fields>
void pass_fields(Fields& fields, KeyOperation& message) {
    fields.pass_native(message.id);
    fields.pass_native(message.key);
    pass_enumeration(fields, message.action, base::FileKeyOperation::kEncrypt,
                     base::FileKeyOperation::kDecrypt);
    pass_counted(fields, message.input);
}

constexpr Type message_type(const UnwrapOaep&) {
    return Type::kUnwrapOaep;
}
template <typename Fields>
void pass_fields(Fields& fields, UnwrapOaep& message) {
    fields.pass_native(message.id);
    fields.pass_native(message.key);
    pass_enumeration(fields, message.digest, OaepDigest::kSha1, OaepDigest::kSha256);
    pass_counted(fields, message.input);
}

constexpr Type message_type(const DeriveSecret&) {
    return Type::kDeriveSecret;
}
template <typename Fields>
void pass_fields(Fields& fields, DeriveSecret& message) {
    fields.pass_native(message.id);
    fields.pass_native(message.key);
    pass_counted(fields, message.peer);
}

constexpr Type message_type(const ListItems&) {
    return Type::kListItems;
}
template <typename Fields>
void pass_fields(Fields& fields, ListItems& message) {
    fields.pass_native(message.id);
    pass_enumeration(fields, message.kind, ItemKind::kTokens, ItemKind::kKeys);
}

constexpr Type message_type(const MakeKey&) {
    return Type::kMakeKey;
}
template <typename Fields>
void pass_fields(Fields& fields, MakeKey& message) {
    fields.pass_native(message.id);
    fields.pass_native(message.bits);
    pass_locator(fields, message.where);
    pass_properties(fields, message.options);
    pass_secret(fields, message.secret);
}

constexpr Type message_type(const Hello&) {
    return Type::kHello;
}
template <typename Fields>
void pass_fields(Fields& fields, Hello& message) {
    fields.pass_native(message.protocol_version);
    fields.pass_native(message.threads);
    pass_text(fields, message.name);
    pass_text(fields, message.version);
    pass_text(fields, message.description);
}

constexpr Type message_type(const Refusal&) {
    return Type::kRefusal;
}
template <typename Fields>
void pass_fields(Fields& fields, Refusal& message) {
    pass_enumeration(fields, message.code, ErrorCode::kInternal, ErrorCode::kCancelled);
    pass_text(fields, message.message);
    pass_text(fields, message.advice);
}

constexpr Type message_type(const Opened&) {
    return Type::kOpened;
}
template <typename Fields>
void pass_fields(Fields& fields, Opened& message) {
    fields.pass_native(message.id);
    pass_text(fields, message.signature);
    pass_text(fields, message.warning);
    pass_locator(fields, message.locator);
    pass_public_key(fields, message.public_key);
}

constexpr Type message_type(const Done&) {
    return Type::kDone;
}
template <typename Fields>
void pass_fields(Fields& fields, Done& message) {
    fields.pass_native(message.id);
    pass_counted(fields, message.output);
}

constexpr Type message_type(const Failed&) {
    return Type::kFailed;
}
template <typename Fields>
void pass_fields(Fields& fields, Failed& message) {
    fields.pass_native(message.id);
    pass_fields(fields, message.why);
}

constexpr Type message_type(const Item&) {
    return Type::kItem;
}
template <typename Fields>
void pass_fields(Fields& fields, Item& message) {
    fields.pass_native(message.id);
    pass_locator(fields, message.uri);
    pass_text(fields, message.label);
    pass_properties(fields, message.properties);
}

constexpr Type message_type(const Closed&) {
    return Type::kClosed;
}
template <typename Fields>
void pass_fields(Fields& fields, Closed& message) {
    fields.pass_native(message.key);
}

// --- Packets -----------------------------------------------------------------------------------

template <typename Messages>
Result<ByteView> encode_any(const Messages& messages, base::ByteSpan buffer) {
    base::FieldWriter fields(buffer);
    const auto write = [&](auto message) {
        fields.pass_native(std::to_underlying(message_type(message)));
        pass_fields(fields, message);
    };
    std::visit(write, messages);
    if (!fields.ok()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "message to or from a PKI host is too large"});
    }
    return fields.written();
}

// Reads the message if it is of this type.
template <typename Message, typename Messages>
bool read_if(std::uint8_t type, base::FieldReader& fields, Messages& messages) {
    if (type != std::to_underlying(message_type(Message{}))) {
        return false;
    }
    pass_fields(fields, messages.template emplace<Message>());
    return true;
}

template <typename... Message>
Result<std::variant<Message...>> decode_any(ByteView packet, std::string_view sender,
                                            std::variant<Message...> messages) {
    base::FieldReader fields(packet);
    std::uint8_t type = 0;
    fields.pass_native(type);
    if (!(read_if<Message>(type, fields, messages) || ...)) {
        fields.fail("unknown type");
    }
    fields.expect_end();
    if (!fields.ok()) {
        return std::unexpected(
            Error{ErrorCode::kMalformed,
                  fmt::format("malformed message from a PKI {}: {}", sender, fields.problem())});
    }
    return messages;
}

}  // namespace

Result<ByteView> encode(const ToHost& message, base::ByteSpan buffer) {
    return encode_any(message, buffer);
}

Result<ByteView> encode(const FromHost& message, base::ByteSpan buffer) {
    return encode_any(message, buffer);
}

Result<ToHost> decode_to_host(ByteView packet) {
    return decode_any(packet, "broker", ToHost());
}

Result<FromHost> decode_from_host(ByteView packet) {
    return decode_any(packet, "host", FromHost());
}

Error to_error(const Refusal& refusal) {
    return {refusal.code, std::string(refusal.message), std::string(refusal.advice)};
}

}  // namespace ecryptfs::pki
