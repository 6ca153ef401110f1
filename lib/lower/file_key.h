// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/header.h"
#include "lib/wire/cipher.h"

namespace ecryptfs::lower {

// What a file's contents are encrypted with.
struct FileKey {
    const wire::Cipher* cipher = nullptr;  // never null
    base::SecretBytes fek;
};

// Reads what a private key decrypted from a Tag 1 packet: cipher code, FEK, checksum
// (docs/protocol.md section 6). kDecryptFailed if the checksum is wrong: the packet is for another
// key, or damaged.
base::Result<FileKey> file_key_from_decrypted(base::ByteView decrypted);

// Decrypts a Tag 3 packet with the first of a FEKEK's 64 bytes, as many as the cipher takes
// (keystore.c: decrypt_passphrase_encrypted_session_key). A wrong FEKEK gives a wrong key: there is
// no checksum. kMalformed for sizes that the cipher does not have, kNotSupported.
base::Result<FileKey> file_key_from_packet(const KeyPacket& packet, base::ByteView fekek);

// A new key at random. kInvalidArgument for a size that the cipher does not have.
base::Result<FileKey> make_file_key(const wire::Cipher& cipher, std::size_t size);

// What a public key encrypts for a Tag 1 packet: cipher code, FEK, checksum. The opposite of
// file_key_from_decrypted().
base::Result<base::SecretBytes> file_key_to_encrypt(const FileKey& key);

// Encrypts a file key for a Tag 3 packet under the 64 bytes of a FEKEK (keystore.c:
// write_tag_3_packet). The opposite of file_key_from_packet().
base::Result<std::vector<std::uint8_t>> encrypt_file_key(const FileKey& key, base::ByteView fekek);

}  // namespace ecryptfs::lower
