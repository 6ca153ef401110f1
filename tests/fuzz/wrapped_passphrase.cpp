// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/wrapped_passphrase.h"

#include "tests/fuzz/check.h"

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto wrapped = lower::parse_wrapped_passphrase(input);
    if (!wrapped) {
        require_useful(wrapped.error(), base::ErrorCode::kMalformed,
                       "wrapped passphrase: ", input.size());
        return;
    }
    require(!wrapped->encrypted.empty() && wrapped->encrypted.size() <= 64,
            "the passphrase is of a size that there can be");
    const auto file = lower::encode_wrapped_passphrase(*wrapped);
    if (wrapped->version == 2) {
        require_same(file, input, "a file of version 2 stays the same");
    } else {
        require(lower::parse_wrapped_passphrase(file).has_value(),
                "what was encoded can be parsed");
    }
}
