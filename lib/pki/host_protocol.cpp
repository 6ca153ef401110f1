// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_protocol.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "lib/base/printable.h"

namespace ecryptfs::pki {
namespace {

using base::ByteReader;
using base::ByteView;
using base::ByteWriter;
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
};

void put_type(ByteWriter& writer, Type type) {
    writer.put_byte(std::to_underlying(type));
}

void put_counted(ByteWriter& writer, ByteView bytes, std::size_t limit = kMaxHostMessage) {
    if (bytes.size() > limit) {
        writer.fail();
    }
    writer.put_native(static_cast<std::uint16_t>(bytes.size()));
    writer.put(bytes);
}

void put_text(ByteWriter& writer, std::string_view text) {
    std::array<char, kMaxText> shown;
    const auto size = base::put_printable(shown, text);
    put_counted(writer, base::as_bytes(std::string_view(shown.data(), size)));
}

void put_optional(ByteWriter& writer, std::optional<ByteView> bytes) {
    writer.put_byte(bytes ? 1 : 0);
    put_counted(writer, bytes.value_or(ByteView{}));
}

// Not cut, unlike texts for people: a value may be an option.
void put_properties(ByteWriter& writer, const std::vector<Property>& properties) {
    if (properties.size() > kMaxProperties) {
        writer.fail();
    }
    writer.put_byte(static_cast<std::uint8_t>(properties.size()));
    for (const auto& [name, value] : properties) {
        put_counted(writer, base::as_bytes(name), kMaxText);
        put_counted(writer, base::as_bytes(value), kMaxText);
    }
}

struct Encoder {
    ByteWriter& writer;

    void operator()(const OpenKey& message) const {
        put_type(writer, Type::kOpenKey);
        writer.put_native(message.id);
        writer.put_native(message.key);
        writer.put_byte(std::to_underlying(message.use));
        put_counted(writer, base::as_bytes(message.locator), kMaxLocator);
        put_optional(writer, message.secret);
    }
    void operator()(const CloseKey& message) const {
        put_type(writer, Type::kCloseKey);
        writer.put_native(message.key);
    }
    void operator()(const KeyOperation& message) const {
        put_type(writer, Type::kKeyOperation);
        writer.put_native(message.id);
        writer.put_native(message.key);
        writer.put_byte(std::to_underlying(message.action));
        put_counted(writer, message.input);
    }
    void operator()(const ListItems& message) const {
        put_type(writer, Type::kListItems);
        writer.put_native(message.id);
        writer.put_byte(std::to_underlying(message.kind));
    }
    void operator()(const MakeKey& message) const {
        put_type(writer, Type::kMakeKey);
        writer.put_native(message.id);
        writer.put_native(message.bits);
        put_counted(writer, base::as_bytes(message.where), kMaxLocator);
        put_properties(writer, message.options);
        put_optional(writer, message.secret);
    }
    void operator()(const Hello& message) const {
        put_type(writer, Type::kHello);
        writer.put_native(message.protocol_version);
        writer.put_native(message.threads);
        put_text(writer, message.name);
        put_text(writer, message.version);
        put_text(writer, message.description);
    }
    void put_refusal(const Refusal& refusal) const {
        writer.put_byte(std::to_underlying(refusal.code));
        put_text(writer, refusal.message);
        put_text(writer, refusal.advice);
    }
    void operator()(const Refusal& message) const {
        put_type(writer, Type::kRefusal);
        put_refusal(message);
    }
    void operator()(const Opened& message) const {
        put_type(writer, Type::kOpened);
        writer.put_native(message.id);
        put_text(writer, message.signature);
        put_text(writer, message.warning);
        put_counted(writer, base::as_bytes(message.locator), kMaxLocator);
    }
    void operator()(const Done& message) const {
        put_type(writer, Type::kDone);
        writer.put_native(message.id);
        put_counted(writer, message.output);
    }
    void operator()(const Failed& message) const {
        put_type(writer, Type::kFailed);
        writer.put_native(message.id);
        put_refusal(message.why);
    }
    void operator()(const Item& message) const {
        put_type(writer, Type::kItem);
        writer.put_native(message.id);
        put_counted(writer, base::as_bytes(message.uri), kMaxLocator);
        put_text(writer, message.label);
        put_properties(writer, message.properties);
    }
    void operator()(const Closed& message) const {
        put_type(writer, Type::kClosed);
        writer.put_native(message.key);
    }
};

template <typename Message>
Result<ByteView> encode_any(const Message& message, base::ByteSpan buffer) {
    ByteWriter writer(buffer);
    std::visit(Encoder{writer}, message);
    if (!writer.ok()) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "message to or from a PKI host is too large"});
    }
    return writer.written();
}

// Reads fields one after the other; after the first that is missing, each gives an empty value and
// ok() is false.
class FieldReader {
  public:
    explicit FieldReader(ByteView packet) : reader_(packet) {}

    bool ok() const { return ok_; }
    bool complete() const { return ok_ && reader_.empty(); }

    template <typename T>
    T number() {
        const auto value = ok_ ? reader_.take_native<T>() : std::nullopt;
        ok_ = value.has_value();
        return value.value_or(T{});
    }

    ByteView counted(std::size_t limit) {
        const auto size = number<std::uint16_t>();
        const auto bytes = ok_ && size <= limit ? reader_.take(size) : std::nullopt;
        ok_ = bytes.has_value();
        return bytes.value_or(ByteView{});
    }

    // Fit for the bus, the log and people.
    std::string_view text() {
        const auto shown = option();
        ok_ = ok_ && base::is_printable(shown);
        return shown;
    }

    std::string_view option() { return base::as_text(counted(kMaxText)); }

    // A number of an enumeration whose values are first..last.
    template <typename Enum>
    Enum enumeration(Enum first, Enum last) {
        const auto value = number<std::uint8_t>();
        ok_ = ok_ && value >= std::to_underlying(first) && value <= std::to_underlying(last);
        return ok_ ? Enum{value} : first;
    }

    std::optional<ByteView> optional(std::size_t limit) {
        const auto present = number<std::uint8_t>();
        const auto bytes = counted(limit);
        ok_ = ok_ && (present == 1 || (present == 0 && bytes.empty()));
        return present == 1 ? std::optional(bytes) : std::nullopt;
    }

    std::vector<Property> properties() {
        const std::size_t count = number<std::uint8_t>();
        ok_ = ok_ && count <= kMaxProperties;
        std::vector<Property> result;
        for (std::size_t i = 0; ok_ && i < count; ++i) {
            const auto name = option();
            result.push_back({name, option()});
        }
        return result;
    }

    Refusal refusal() {
        const auto code = enumeration(ErrorCode::kInternal, ErrorCode::kCancelled);
        const auto message = text();
        return {code, message, text()};
    }

  private:
    ByteReader reader_;
    bool ok_ = true;
};

Error malformed(std::string_view from) {
    return {ErrorCode::kMalformed, fmt::format("malformed message from a PKI {}", from)};
}

OpenKey read_open_key(FieldReader& fields) {
    OpenKey message;
    message.id = fields.number<std::uint64_t>();
    message.key = fields.number<std::uint64_t>();
    message.use = fields.enumeration(KeyUse::kPublic, KeyUse::kPrivate);
    message.locator = base::as_text(fields.counted(kMaxLocator));
    message.secret = fields.optional(kMaxHostMessage);
    return message;
}

KeyOperation read_key_operation(FieldReader& fields) {
    KeyOperation message;
    message.id = fields.number<std::uint64_t>();
    message.key = fields.number<std::uint64_t>();
    message.action = fields.enumeration(KeyAction::kEncrypt, KeyAction::kDecrypt);
    message.input = fields.counted(kMaxHostMessage);
    return message;
}

ListItems read_list_items(FieldReader& fields) {
    const auto id = fields.number<std::uint64_t>();
    return {id, fields.enumeration(ItemKind::kTokens, ItemKind::kKeys)};
}

MakeKey read_make_key(FieldReader& fields) {
    MakeKey message;
    message.id = fields.number<std::uint64_t>();
    message.bits = fields.number<std::uint32_t>();
    message.where = base::as_text(fields.counted(kMaxLocator));
    message.options = fields.properties();
    message.secret = fields.optional(kMaxHostMessage);
    return message;
}

Hello read_hello(FieldReader& fields) {
    Hello message;
    message.protocol_version = fields.number<std::uint32_t>();
    message.threads = fields.number<std::uint32_t>();
    message.name = fields.text();
    message.version = fields.text();
    message.description = fields.text();
    return message;
}

Opened read_opened(FieldReader& fields) {
    Opened message;
    message.id = fields.number<std::uint64_t>();
    message.signature = fields.text();
    message.warning = fields.text();
    message.locator = base::as_text(fields.counted(kMaxLocator));
    return message;
}

Done read_done(FieldReader& fields) {
    const auto id = fields.number<std::uint64_t>();
    return {id, fields.counted(kMaxHostMessage)};
}

Failed read_failed(FieldReader& fields) {
    const auto id = fields.number<std::uint64_t>();
    return {id, fields.refusal()};
}

Item read_item(FieldReader& fields) {
    Item message;
    message.id = fields.number<std::uint64_t>();
    message.uri = base::as_text(fields.counted(kMaxLocator));
    message.label = fields.text();
    message.properties = fields.properties();
    return message;
}

}  // namespace

Result<ByteView> encode(const ToHost& message, base::ByteSpan buffer) {
    return encode_any(message, buffer);
}

Result<ByteView> encode(const FromHost& message, base::ByteSpan buffer) {
    return encode_any(message, buffer);
}

Result<ToHost> decode_to_host(ByteView packet) {
    FieldReader fields(packet);
    ToHost message;
    switch (Type{fields.number<std::uint8_t>()}) {
        case Type::kOpenKey:
            message = read_open_key(fields);
            break;
        case Type::kCloseKey:
            message = CloseKey{fields.number<std::uint64_t>()};
            break;
        case Type::kKeyOperation:
            message = read_key_operation(fields);
            break;
        case Type::kListItems:
            message = read_list_items(fields);
            break;
        case Type::kMakeKey:
            message = read_make_key(fields);
            break;
        default:
            return std::unexpected(malformed("broker"));
    }
    if (!fields.complete()) {
        return std::unexpected(malformed("broker"));
    }
    return message;
}

Result<FromHost> decode_from_host(ByteView packet) {
    FieldReader fields(packet);
    FromHost message;
    switch (Type{fields.number<std::uint8_t>()}) {
        case Type::kHello:
            message = read_hello(fields);
            break;
        case Type::kRefusal:
            message = fields.refusal();
            break;
        case Type::kOpened:
            message = read_opened(fields);
            break;
        case Type::kDone:
            message = read_done(fields);
            break;
        case Type::kFailed:
            message = read_failed(fields);
            break;
        case Type::kItem:
            message = read_item(fields);
            break;
        case Type::kClosed:
            message = Closed{fields.number<std::uint64_t>()};
            break;
        default:
            return std::unexpected(malformed("host"));
    }
    if (!fields.complete()) {
        return std::unexpected(malformed("host"));
    }
    return message;
}

Error to_error(const Refusal& refusal) {
    return {refusal.code, std::string(refusal.message), std::string(refusal.advice)};
}

}  // namespace ecryptfs::pki
