// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/encrypted_name.h"
#include "lib/wire/cipher.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

// Decrypts a name with the 64 bytes of a FNEK (keystore.c: ecryptfs_parse_tag_70_packet).
// kDecryptFailed for a wrong FNEK and most damage: bytes that the kernel makes from the FNEK stand
// in front of the name. kNotSupported for a cipher that OpenSSL does not have. The name may hold
// anything but NUL: before making a file of it, check for slashes.
base::Result<std::string> decrypt_name(const EncryptedName& name, base::ByteView fnek);

// What a mount encrypts names with.
struct NameCipher {
    wire::KeySignature signature;  // of the FNEK
    const wire::Cipher* cipher;    // never null
    std::size_t key_size;          // how much of the FNEK it takes
};

// Encrypts a name or a link's target (keystore.c: ecryptfs_write_tag_70_packet). Equal names give
// equal results. kInvalidArgument for a name that is empty, has a NUL, or is too long for a packet.
// The caller refuses lower names of more than 255 bytes.
base::Result<EncryptedName> encrypt_name(std::string_view plain, const NameCipher& cipher,
                                         base::ByteView fnek);

// Encrypts and decrypts names with what does not change from name to name made once. Any thread.
class NameCoder {
  public:
    static base::Result<NameCoder> create(const NameCipher& cipher, base::ByteView fnek);

    // As encrypt_name() and decrypt_name(). kDecryptFailed for a name of another cipher, or of
    // another size of keys, too.
    base::Result<EncryptedName> encrypt(std::string_view plain) const;
    base::Result<std::string> decrypt(const EncryptedName& name) const;

  private:
    struct State;
    explicit NameCoder(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

}  // namespace ecryptfs::lower
