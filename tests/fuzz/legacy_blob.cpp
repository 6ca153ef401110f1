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

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const bool is_locator = wire::is_locator(input);
    const auto blob = wire::parse_legacy_openssl_blob(input);
    if (!blob) {
        require_useful(blob.error(), base::ErrorCode::kInvalidToken,
                       "openssl blob: ", input.size());
        return;
    }
    require(!is_locator, "a blob is not of both forms");
    require_inside(base::as_bytes(blob->path), input);
    require_inside(blob->passphrase, input);

    std::vector<std::uint8_t> encoded;
    append_string(encoded, base::as_bytes(blob->path));
    append_string(encoded, blob->passphrase);
    require_same(encoded, input, "encoding gives the parsed bytes");
}
