// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/legacy_blob.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/wire/field_reader.h"

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

// A length, little-endian, that counts a NUL at the end too; gives what is before the NUL.
base::Result<base::ByteView> take_string(FieldReader& reader, std::string_view name) {
    const auto size = reader.take_little_endian<std::uint16_t>(name);
    if (!size) {
        return std::unexpected(size.error());
    }
    const std::size_t at = reader.position();
    const auto field = reader.take(name, *size);
    if (!field) {
        return field;
    }
    const auto text = base::as_text(*field);
    if (text.empty() || text.find('\0') != text.size() - 1) {
        return reader.fail(fmt::format("{} is not ended by its one NUL", name), at);
    }
    return field->first(field->size() - 1);
}

}  // namespace

bool is_locator(base::ByteView blob) {
    const auto colon = std::ranges::find(blob, ':');
    return !blob.empty() && is_letter(blob[0]) && colon != blob.end() &&
           std::all_of(blob.begin(), colon, is_scheme_character) &&
           std::ranges::all_of(blob, is_printable);
}

base::Result<LegacyOpensslBlob> parse_legacy_openssl_blob(base::ByteView blob) {
    FieldReader reader("openssl blob", base::ErrorCode::kInvalidToken, blob);
    const auto path = take_string(reader, "path");
    if (!path) {
        return std::unexpected(path.error());
    }
    const auto passphrase = take_string(reader, "passphrase");
    if (!passphrase) {
        return std::unexpected(passphrase.error());
    }
    if (auto end = reader.expect_end(); !end) {
        return std::unexpected(std::move(end.error()));
    }
    return LegacyOpensslBlob{base::as_text(*path), *passphrase};
}

}  // namespace ecryptfs::wire
