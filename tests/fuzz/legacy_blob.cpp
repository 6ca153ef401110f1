// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/legacy_blob.h"

#include <vector>

#include "tests/fuzz/check.h"

namespace {

using namespace ecryptfs;

void append_string(std::vector<std::uint8_t>& to, base::ByteView text) {
    const std::size_t size = text.size() + 1;
    to.push_back(static_cast<std::uint8_t>(size));
    to.push_back(static_cast<std::uint8_t>(size >> 8));
    to.insert(to.end(), text.begin(), text.end());
    to.push_back(0);
}

void append_bytes(std::vector<std::uint8_t>& to, base::ByteView bytes) {
    to.push_back(static_cast<std::uint8_t>(bytes.size()));
    to.push_back(static_cast<std::uint8_t>(bytes.size() >> 8));
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void try_openssl(base::ByteView input) {
    const auto blob = wire::parse_legacy_openssl_blob(input);
    if (!blob) {
        fuzz::require_useful(blob.error(), base::ErrorCode::kInvalidToken,
                             "openssl blob: ", input.size());
        return;
    }
    fuzz::require(!wire::is_locator(input), "a blob is not of both forms");
    fuzz::require_inside(base::as_bytes(blob->path), input);
    fuzz::require_inside(blob->passphrase, input);

    std::vector<std::uint8_t> encoded;
    append_string(encoded, base::as_bytes(blob->path));
    append_string(encoded, blob->passphrase);
    fuzz::require_same(encoded, input, "encoding gives the parsed bytes");
}

void try_pkcs11_id(std::string_view text) {
    const auto id = wire::parse_legacy_pkcs11_id(text);
    if (!id) {
        fuzz::require_useful(id.error(), base::ErrorCode::kInvalidToken,
                             "serialized id: ", text.size());
        return;
    }
    fuzz::require(!id->id.empty(), "an id that is none");
    for (const auto& name : {id->manufacturer, id->model, id->serial, id->label}) {
        fuzz::require(name.size() <= text.size(), "undoing escapes makes nothing longer");
    }
}

void try_pkcs11(base::ByteView input) {
    const auto blob = wire::parse_legacy_pkcs11_blob(input);
    if (!blob) {
        fuzz::require_useful(blob.error(), base::ErrorCode::kInvalidToken,
                             "pkcs11-helper blob: ", input.size());
        return;
    }
    fuzz::require(!wire::is_locator(input), "a blob is not of both forms");
    fuzz::require_inside(base::as_bytes(blob->serialized_id), input);
    fuzz::require_inside(blob->certificate, input);
    fuzz::require_inside(blob->pin, input);
    try_pkcs11_id(blob->serialized_id);

    std::vector<std::uint8_t> encoded;
    append_string(encoded, base::as_bytes(blob->serialized_id));
    append_bytes(encoded, blob->certificate);
    if (encoded.size() + 2 == input.size()) {
        append_bytes(encoded, {});  // no PIN, and no NUL either
    } else {
        append_string(encoded, blob->pin);
    }
    fuzz::require_same(encoded, input, "encoding gives the parsed bytes");
}

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    try_openssl(input);
    try_pkcs11(input);
    try_pkcs11_id(base::as_text(input));
}
