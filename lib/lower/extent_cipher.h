// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/block_cipher.h"
#include "lib/lower/file_key.h"

namespace ecryptfs::lower {

// Decrypts and encrypts the contents of one file: extents of kExtentSize bytes, each in CBC with an
// IV of its own, which is MD5 of the root IV and the extent's number; the root IV is MD5 of the FEK
// (crypto.c: ecryptfs_derive_iv). One thread at a time.
class ExtentCipher {
  public:
    // kNotSupported for a cipher that OpenSSL does not have.
    static base::Result<ExtentCipher> create(const FileKey& key);

    // In place. `extents` are whole ones, the first of them number `first` of the file; the last
    // may be shorter by whole cipher blocks.
    base::Result<void> decrypt(std::uint64_t first, base::ByteSpan extents) {
        return run(decryption_, first, extents);
    }
    base::Result<void> encrypt(std::uint64_t first, base::ByteSpan extents) {
        return run(encryption_, first, extents);
    }

  private:
    ExtentCipher(BlockCipher decryption, BlockCipher encryption, EvpDigest md5,
                 EvpDigestContext context, base::SecretBytes iv_input, std::size_t block_size)
        : decryption_(std::move(decryption)),
          encryption_(std::move(encryption)),
          md5_(std::move(md5)),
          digest_context_(std::move(context)),
          iv_input_(std::move(iv_input)),
          block_size_(block_size) {}

    base::Result<void> run(BlockCipher& cipher, std::uint64_t first, base::ByteSpan extents);
    base::Result<void> run_one(BlockCipher& cipher, std::uint64_t number, base::ByteSpan extent);

    BlockCipher decryption_;
    BlockCipher encryption_;
    EvpDigest md5_;
    EvpDigestContext digest_context_;
    base::SecretBytes iv_input_;  // root IV, 16 bytes for a number
    std::size_t block_size_;
};

}  // namespace ecryptfs::lower
