// SPDX-License-Identifier: Apache-2.0

#include "cli/input/typed_signature.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace ecryptfs::cli {

base::Result<wire::KeySignature> typed_signature(const std::string& text) {
    std::string lower = text;
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    auto signature = wire::KeySignature::from_text(lower);
    if (!signature) {
        return std::unexpected(
            base::Error{base::ErrorCode::kInvalidArgument,
                        fmt::format("\"{}\" is not a key's signature, 16 hexadecimal digits", text),
                        "see the signatures: ecryptfsctl list-keys"});
    }
    return signature;
}

}  // namespace ecryptfs::cli
