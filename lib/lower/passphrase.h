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

// ecryptfs-utils' default salt, and its salt for a filename key. That one is ASCII digits, owing to
// a bug in ecryptfs-utils.
inline constexpr Salt kDefaultSalt = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
inline constexpr Salt kNameSalt = {'9', '9', '8', '8', '7', '7', '6', '6'};

inline constexpr std::size_t kMaxPassphrase = 64;  // ECRYPTFS_MAX_PASSPHRASE_BYTES

// The key that a passphrase makes: a FEKEK, or a FNEK with kNameSalt. The signature names it.
struct PassphraseKey {
    wire::KeySignature signature;
    base::SecretBytes key;  // 64 bytes
    Salt salt;
};

// SHA-512, 65,536 times over salt and passphrase. Once more gives the signature (ecryptfs-utils:
// generate_passphrase_sig). Takes some 30 ms. kInvalidArgument for an empty passphrase, or one of
// more than kMaxPassphrase bytes.
base::Result<PassphraseKey> derive_passphrase_key(base::ByteView passphrase, const Salt& salt);

}  // namespace ecryptfs::lower
