// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string_view>

#include "lib/base/error.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::test {

// Of tests/vectors/keys/k2048.pem.
inline constexpr char kSignature[] = "fe3467554552491d";

inline wire::KeySignature signature(std::string_view text = kSignature) {
    return base::value_or_throw(wire::KeySignature::from_text(text));
}

}  // namespace ecryptfs::test
