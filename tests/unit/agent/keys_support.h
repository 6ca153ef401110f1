// SPDX-License-Identifier: Apache-2.0
//
// What the tests of agent/keys share.

#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/secret_bytes.h"
#include "lib/wire/auth_token.h"
#include "lib/wire/key_signature.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {

inline wire::KeySignature signature(int number) {
    return base::value_or_throw(wire::KeySignature::from_text(fmt::format("{:016x}", number)));
}

inline wire::PkiType openssl_module() {
    return base::value_or_throw(wire::PkiType::from_text("openssl"));
}

inline std::optional<base::SecretBytes> secret(std::string_view text) {
    return base::value_or_throw(base::SecretBytes::copy(base::as_bytes(text)));
}

// Fields of a blob, as ecryptfs-utils counts them.
inline Bytes counted(std::initializer_list<std::string> fields) {
    Bytes blob;
    for (const auto& field : fields) {
        blob.push_back(static_cast<std::uint8_t>(field.size()));
        blob.push_back(static_cast<std::uint8_t>(field.size() >> 8));
        blob.insert(blob.end(), field.begin(), field.end());
    }
    return blob;
}

inline std::string with_nul(std::string text) {
    return text + '\0';
}

}  // namespace ecryptfs::test
