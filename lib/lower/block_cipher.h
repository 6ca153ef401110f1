// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/openssl.h"
#include "lib/wire/cipher.h"

namespace ecryptfs::lower {

// A cipher with a key, without padding, by OpenSSL. One thread at a time.
class BlockCipher {
  public:
    enum class Mode : std::uint8_t { kEcb, kCbc };
    enum class Direction : std::uint8_t { kDecrypt, kEncrypt };

    // kNotSupported for ciphers that this OpenSSL does not have; kMalformed for a key of a size
    // that the cipher does not take.
    static base::Result<BlockCipher> create(const wire::Cipher& cipher, Mode mode,
                                            Direction direction, base::ByteView key);

    // Whole blocks of `in` into as many bytes of `out`, which may be the same memory. `iv`: a
    // block, or empty for kEcb.
    base::Result<void> run(base::ByteView iv, base::ByteView in, base::ByteSpan out);

  private:
    BlockCipher(EvpCipherContext context, std::size_t block_size)
        : context_(std::move(context)), block_size_(block_size) {}

    EvpCipherContext context_;
    std::size_t block_size_;
};

}  // namespace ecryptfs::lower
