// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/encrypted_name.h"
#include "lib/wire/cipher.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

// The name that was encrypted under a FNEK of 64 bytes (keystore.c:
// ecryptfs_parse_tag_70_packet). In front of it the kernel puts bytes that it makes from the FNEK,
// which tell a wrong FNEK and most damage: kDecryptFailed. kNotSupported for a cipher that OpenSSL
// does not have. The name may hold anything but NUL; whoever makes a file of it looks for slashes.
base::Result<std::string> decrypt_name(const EncryptedName& name, base::ByteView fnek);

// What a mount encrypts names with.
struct NameCipher {
    wire::KeySignature signature;  // of the FNEK
    const wire::Cipher* cipher;    // never null
    std::size_t key_size;          // how much of the FNEK it takes
};

// Encrypts a name or a link's target (keystore.c: ecryptfs_write_tag_70_packet). The same name
// always gives the same. kInvalidArgument for an empty one, one with NUL, or one that is too long
// for a packet; a lower name of over 255 bytes is for the caller to refuse.
base::Result<EncryptedName> encrypt_name(std::string_view plain, const NameCipher& cipher,
                                         base::ByteView fnek);

}  // namespace ecryptfs::lower
