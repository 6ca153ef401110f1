// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/block_cipher.h"
#include "lib/lower/file_key.h"

namespace ecryptfs::lower {

// The contents of one file: extents of kExtentSize bytes, each in CBC with an IV of its own, which
// is MD5 of the root IV and the extent's number; the root IV is MD5 of the FEK (crypto.c:
// ecryptfs_derive_iv). One thread at a time.
class Extents {
  public:
    // kNotSupported for a cipher that OpenSSL does not have.
    static base::Result<Extents> create(const FileKey& key);

    // In place; `extents` are whole ones, the first of them number `first` of the file.
    base::Result<void> decrypt(std::uint64_t first, base::ByteSpan extents);

  private:
    Extents(BlockCipher cipher, EvpDigest md5, EvpDigestContext context, base::SecretBytes iv_input,
            std::size_t block_size)
        : cipher_(std::move(cipher)),
          md5_(std::move(md5)),
          digest_context_(std::move(context)),
          iv_input_(std::move(iv_input)),
          block_size_(block_size) {}

    base::Result<void> decrypt_one(std::uint64_t number, base::ByteSpan extent);

    BlockCipher cipher_;
    EvpDigest md5_;
    EvpDigestContext digest_context_;
    base::SecretBytes iv_input_;  // root IV, 16 bytes for a number
    std::size_t block_size_;
};

}  // namespace ecryptfs::lower
