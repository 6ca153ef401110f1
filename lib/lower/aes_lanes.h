// SPDX-License-Identifier: Apache-2.0
//
// AES-CBC of many extents at once. CBC encrypts a block after the other, so that a processor that
// could encrypt sixteen at once stands idle: extents do not depend on each other. By Intel's
// library for that (libipsec-mb), where there is one.

#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::lower {

// One file's key. Any thread, several at a time.
class AesLanes {
  public:
    // Nothing where there is no such library, or it has no code for this processor.
    static base::Result<std::optional<AesLanes>> create(base::ByteView key);

    // As ExtentCipher's.
    base::Result<void> decrypt(std::uint64_t first, base::ByteView in, base::ByteSpan out) const;
    base::Result<void> encrypt(std::uint64_t first, base::ByteView in, base::ByteSpan out) const;

  private:
    explicit AesLanes(base::SecretBytes keys, std::size_t key_size)
        : keys_(std::move(keys)), key_size_(key_size) {}

    base::Result<void> run(bool encrypts, std::uint64_t first, base::ByteView in,
                           base::ByteSpan out) const;

    // What MD5 makes IVs of, and the expanded keys for both directions.
    base::SecretBytes keys_;
    std::size_t key_size_;
};

}  // namespace ecryptfs::lower
