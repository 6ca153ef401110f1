// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/legacy_blob.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "lib/base/hex.h"
#include "lib/base/try.h"
#include "lib/wire/packet_reader.h"

namespace ecryptfs::wire {
namespace {

bool is_letter(std::uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 3986 section 3.1
bool is_scheme_character(std::uint8_t c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

bool is_printable(std::uint8_t c) {
    return c >= ' ' && c <= '~';
}

// A little-endian length, then a string with a NUL, which the length counts. Gives it without the
// NUL.
base::Result<base::ByteView> take_string(PacketReader& reader, std::string_view name) {
    const auto size = TRY(reader.take_little_endian<std::uint16_t>(name));
    const std::size_t at = reader.position();
    const auto field = TRY(reader.take(name, size));
    const auto text = base::as_text(field);
    if (text.empty() || text.find('\0') != text.size() - 1) {
        return reader.fail(fmt::format("{} is not ended by its one NUL", name), at);
    }
    return field.first(field.size() - 1);
}

// A length, then so many bytes without a NUL; there may be none.
base::Result<base::ByteView> take_bytes(PacketReader& reader, std::string_view name) {
    const auto size = TRY(reader.take_little_endian<std::uint16_t>(name));
    return reader.take(name, size);
}

// A string that may be missing, and its NUL with it.
base::Result<base::ByteView> take_optional_string(PacketReader& reader, std::string_view name) {
    constexpr std::array<std::uint8_t, 2> kNone{};
    const auto left = base::as_text(reader.left());
    return left.starts_with(base::as_text(kNone)) ? take_bytes(reader, name)
                                                  : take_string(reader, name);
}

std::unexpected<base::Error> bad_id(std::string_view problem, std::size_t at) {
    return std::unexpected(base::Error{base::ErrorCode::kInvalidToken,
                                       fmt::format("serialized id: {} (byte {})", problem, at)});
}

// Undoes \xNN; nothing for any other use of the backslash, and for a NUL.
std::optional<std::string> unescaped(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        if (text[0] != '\\') {
            plain += text[0];
            text.remove_prefix(1);
            continue;
        }
        const auto byte = text.starts_with("\\x") && text.size() >= 4
                              ? base::from_hex(text.substr(2, 2))
                              : std::nullopt;
        if (!byte || byte->front() == 0) {
            return std::nullopt;
        }
        plain += static_cast<char>(byte->front());
        text.remove_prefix(4);
    }
    return plain;
}

}  // namespace

bool is_locator(base::ByteView blob) {
    const auto colon = std::ranges::find(blob, ':');
    return !blob.empty() && is_letter(blob[0]) && colon != blob.end() &&
           std::all_of(blob.begin(), colon, is_scheme_character) &&
           std::ranges::all_of(blob, is_printable);
}

base::Result<LegacyOpensslBlob> parse_legacy_openssl_blob(base::ByteView blob) {
    PacketReader reader("openssl blob", base::ErrorCode::kInvalidToken, blob);
    const auto path = TRY(take_string(reader, "path"));
    const auto passphrase = TRY(take_string(reader, "passphrase"));
    TRY(reader.expect_end());
    return LegacyOpensslBlob{base::as_text(path), passphrase};
}

base::Result<LegacyPkcs11Blob> parse_legacy_pkcs11_blob(base::ByteView blob) {
    PacketReader reader("pkcs11-helper blob", base::ErrorCode::kInvalidToken, blob);
    const auto id = TRY(take_string(reader, "serialized id"));
    if (id.empty()) {
        return reader.fail("serialized id is empty", 2);
    }
    const auto certificate = TRY(take_bytes(reader, "certificate"));
    const auto pin = TRY(take_optional_string(reader, "PIN"));
    TRY(reader.expect_end());
    return LegacyPkcs11Blob{base::as_text(id), certificate, pin};
}

base::Result<LegacyPkcs11Id> parse_legacy_pkcs11_id(std::string_view serialized_id) {
    std::array<std::string, 4> names;  // of the token
    std::size_t at = 0;
    for (auto& name : names) {
        const auto end = serialized_id.find('/', at);
        if (end == std::string_view::npos) {
            return bad_id("fewer than five parts", at);
        }
        auto plain = unescaped(serialized_id.substr(at, end - at));
        if (!plain) {
            return bad_id("a backslash that is no \\xNN", at);
        }
        name = std::move(*plain);
        at = end + 1;
    }
    auto id = base::from_hex(serialized_id.substr(at));
    if (!id || id->empty()) {
        return bad_id("the last part is not an id in hexadecimal", at);
    }
    return LegacyPkcs11Id{std::move(names[0]), std::move(names[1]), std::move(names[2]),
                          std::move(names[3]), std::move(*id)};
}

}  // namespace ecryptfs::wire
