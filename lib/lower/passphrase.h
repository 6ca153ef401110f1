// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

using Salt = std::array<std::uint8_t, 8>;

// ecryptfs-utils' default, and the one of a filename key, which is text by an accident of its.
inline constexpr Salt kDefaultSalt = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
inline constexpr Salt kNameSalt = {'9', '9', '8', '8', '7', '7', '6', '6'};

inline constexpr std::size_t kMaxPassphrase = 64;  // ECRYPTFS_MAX_PASSPHRASE_BYTES

// What a passphrase becomes: a FEKEK, or with kNameSalt a FNEK, and what it is known by.
struct PassphraseKey {
    wire::KeySignature signature;
    base::SecretBytes key;  // 64 bytes
    Salt salt;
};

// SHA-512 65,536 times over salt and passphrase; once more gives the signature (ecryptfs-utils:
// generate_passphrase_sig). Some 30 ms. kInvalidArgument for none, or more than kMaxPassphrase
// bytes.
base::Result<PassphraseKey> derive_passphrase_key(base::ByteView passphrase, const Salt& salt);

}  // namespace ecryptfs::lower
