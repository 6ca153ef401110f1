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

// From what a private key made of a public-key packet: cipher code, FEK, checksum
// (docs/protocol.md section 6). kDecryptFailed if the checksum is wrong: another key's, or damaged.
base::Result<FileKey> file_key_from_decrypted(base::ByteView decrypted);

// From a passphrase packet and the 64 bytes of its FEKEK, of which the cipher takes what it needs
// (keystore.c: decrypt_passphrase_encrypted_session_key). There is no checksum that would tell a
// wrong FEKEK. kMalformed for sizes that the cipher does not have, kNotSupported.
base::Result<FileKey> file_key_from_packet(const KeyPacket& packet, base::ByteView fekek);

// A new key at random. kInvalidArgument for a size that the cipher does not have.
base::Result<FileKey> make_file_key(const wire::Cipher& cipher, std::size_t size);

// The two ways of a file key into a header. For a public key to encrypt: cipher code, FEK,
// checksum; file_key_from_decrypted() reads it.
base::Result<base::SecretBytes> file_key_to_encrypt(const FileKey& key);

// For a Tag 3 packet, under the 64 bytes of a FEKEK (keystore.c: write_tag_3_packet);
// file_key_from_packet() reads it.
base::Result<std::vector<std::uint8_t>> encrypt_file_key(const FileKey& key, base::ByteView fekek);

}  // namespace ecryptfs::lower
