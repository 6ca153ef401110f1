// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/encrypted_name.h"

#include "lib/wire/cipher.h"
#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto name = lower::parse_encrypted_name(base::as_text(input));
    const auto readings = lower::read_lower_name(base::as_text(input));
    require(!name || (readings.size() == 1 && readings.front().added.empty()),
            "a sound name is read as it is");
    require(readings.size() <= 2, "there are few readings");
    for (const auto& [encrypted, added] : readings) {
        require(encode_encrypted_name(encrypted).size() + added.size() == input.size(),
                "a reading has all of the name");
        require(added.find('/') == std::string::npos, "nothing that was added is a path");
        require(name || !added.empty(), "what is not sound was changed");
    }
    if (!name) {
        require_useful(name.error(), base::ErrorCode::kMalformed, "encrypted name: ", input.size());
        return;
    }
    const auto* cipher = wire::find_cipher(name->cipher_code);
    require(cipher != nullptr && !name->encrypted.empty() &&
                name->encrypted.size() % cipher->block_size == 0,
            "whole blocks of a known cipher are encrypted");
    const auto again = lower::parse_encrypted_name(lower::encode_encrypted_name(*name));
    require(again.has_value(), "what was encoded can be parsed");
    require(again->signature == name->signature && again->cipher_code == name->cipher_code &&
                again->encrypted == name->encrypted,
            "a name stays the same");
}
