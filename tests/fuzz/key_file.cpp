// SPDX-License-Identifier: Apache-2.0

#include <algorithm>

#include "pki-modules/common/pem_blocks.h"
#include "pki-modules/openssl/pem_key.h"
#include "tests/fuzz/check.h"

namespace {

using namespace ecryptfs;

void check_blocks(std::string_view file) {
    std::string_view rest = file;
    for (const auto& block : module::find_pem_blocks(file)) {
        fuzz::require_inside(base::as_bytes(block.text), base::as_bytes(rest));
        fuzz::require_inside(base::as_bytes(block.label), base::as_bytes(block.text));
        fuzz::require(block.text.starts_with("-----BEGIN "), "a block begins with its line");
        rest = rest.substr(static_cast<std::size_t>(block.text.data() - rest.data()) +
                           block.text.size());
    }
}

void check_key(base::ByteView file, std::optional<base::ByteView> passphrase) {
    using enum base::ErrorCode;
    const auto key = openssl_module::parse_private_key(file, passphrase, "/key.pem");
    if (key) {
        return;
    }
    const auto code = key.error().code;
    fuzz::require(code == kInvalidKey || code == kSecretRequired || code == kWrongSecret,
                  "refused for what the file holds");
    fuzz::require(code != kWrongSecret || passphrase, "no secret is wrong where none was given");
    fuzz::require(key.error().message.find("/key.pem") != std::string::npos, "names the file");
}

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    check_blocks(base::as_text(input));
    check_key(input, std::nullopt);
    // Only the traditional form: PKCS#8 says itself how long its key derivation takes.
    if (base::as_text(input).find("ENCRYPTED PRIVATE") == std::string_view::npos) {
        constexpr std::array<std::uint8_t, 6> kSecret = {'s', 'e', 'c', 'r', 'e', 't'};
        check_key(input, kSecret);
    }
}
