// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/encrypted_name.h"

#include "lib/lower/cipher.h"
#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto name = lower::parse_encrypted_name(base::as_text(input));
    if (!name) {
        require_useful(name.error(), base::ErrorCode::kMalformed, "encrypted name: ", input.size());
        return;
    }
    const auto* cipher = lower::find_cipher(name->cipher_code);
    require(cipher != nullptr && !name->encrypted.empty() &&
                name->encrypted.size() % cipher->block_size == 0,
            "whole blocks of a known cipher are encrypted");
    const auto again = lower::parse_encrypted_name(lower::encode_encrypted_name(*name));
    require(again.has_value(), "what was encoded can be parsed");
    require(again->signature == name->signature && again->cipher_code == name->cipher_code &&
                again->encrypted == name->encrypted,
            "a name stays the same");
}
