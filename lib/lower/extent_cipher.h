// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/aes_lanes.h"
#include "lib/lower/block_cipher.h"
#include "lib/lower/file_key.h"

namespace ecryptfs::lower {

// Decrypts and encrypts the contents of one file: extents of kExtentSize bytes, each in CBC with an
// IV of its own, which is MD5 of the root IV and the extent's number; the root IV is MD5 of the FEK
// (crypto.c: ecryptfs_derive_iv). Fastest for many extents at once. One thread at a time.
class ExtentCipher {
  public:
    // What does the work: kOpenSsl alone, or AES by several lanes where the machine has them.
    enum class Engine : std::uint8_t { kFastest, kOpenSsl };

    // kNotSupported for a cipher that OpenSSL does not have.
    static base::Result<ExtentCipher> create(const FileKey& key, Engine engine = Engine::kFastest);

    // `in` are whole extents, the first of them number `first` of the file; the last may be shorter
    // by whole cipher blocks. `out` is as large, and may be the same memory.
    base::Result<void> decrypt(std::uint64_t first, base::ByteView in, base::ByteSpan out);
    base::Result<void> encrypt(std::uint64_t first, base::ByteView in, base::ByteSpan out);
    // In place.
    base::Result<void> decrypt(std::uint64_t first, base::ByteSpan extents) {
        return decrypt(first, extents, extents);
    }
    base::Result<void> encrypt(std::uint64_t first, base::ByteSpan extents) {
        return encrypt(first, extents, extents);
    }

    bool has_lanes() const { return lanes_.has_value(); }

  private:
    // All that OpenSSL needs.
    struct OneByOne {
        BlockCipher decryption;
        BlockCipher encryption;
        EvpDigestContext digest_context;
        base::SecretBytes iv_input;  // root IV, 16 bytes for a number
    };

    explicit ExtentCipher(std::size_t block_size) : block_size_(block_size) {}
    static base::Result<OneByOne> create_one_by_one(const FileKey& key);
    base::Result<void> check_sizes(base::ByteView in, base::ByteSpan out) const;
    base::Result<void> run(BlockCipher& cipher, std::uint64_t first, base::ByteView in,
                           base::ByteSpan out);
    base::Result<void> run_one(BlockCipher& cipher, std::uint64_t number, base::ByteView in,
                               base::ByteSpan out);

    std::size_t block_size_;
    std::optional<AesLanes> lanes_;       // or
    std::optional<OneByOne> one_by_one_;  // this
};

}  // namespace ecryptfs::lower
