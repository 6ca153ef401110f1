// SPDX-License-Identifier: Apache-2.0
//
// The file that ecryptfs-wrap-passphrase writes, usually ~/.ecryptfs/wrapped-passphrase: a mount
// passphrase encrypted under a wrapping passphrase (docs/protocol.md section 5). Pure.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

struct WrappedPassphrase {
    int version = 2;                        // 1 has the same salt in every file: weaker
    std::array<std::uint8_t, 8> salt = {};  // of version 2; in version 1 the default
    wire::KeySignature signature;           // of the wrapping passphrase
    std::vector<std::uint8_t> encrypted;    // 16 to 64 bytes, whole blocks
};

// kMalformed, with what is wrong and at which byte.
base::Result<WrappedPassphrase> parse_wrapped_passphrase(base::ByteView file);

// A file of version 2.
std::vector<std::uint8_t> encode_wrapped_passphrase(const WrappedPassphrase& wrapped);

}  // namespace ecryptfs::lower
