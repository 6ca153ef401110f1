// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/file_key.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::fuse {

// File keys that a private key has decrypted, so that it decrypts each once: by what it was asked,
// signature and encrypted FEK. Any thread.
class KnownFileKeys {
  public:
    // Those used last are kept.
    static constexpr std::size_t kMostKeys = 16'384;

    // Takes the locked memory for all. kMemoryLock.
    static base::Result<void> reserve(KnownFileKeys& keys);

    std::optional<lower::FileKey> find(const wire::KeySignature& signature,
                                       base::ByteView encrypted_fek);
    // `round` is what round() gave before the private key was asked: if keys were wiped since, this
    // one is not kept.
    void add(const wire::KeySignature& signature, base::ByteView encrypted_fek,
             const lower::FileKey& key, std::uint64_t round);

    // Wipes those of this key, or all.
    void forget(const std::optional<wire::KeySignature>& signature);
    // How often that was.
    std::uint64_t round();

  private:
    using Digest = std::array<std::uint8_t, 32>;
    struct Entry {
        Digest digest;
        wire::KeySignature signature;
        std::uint32_t slot = 0;
        const wire::Cipher* cipher = nullptr;
        std::uint8_t size = 0;
    };

    base::ByteSpan slot(const Entry& entry);

    std::mutex mutex_;
    std::uint64_t round_ = 0;
    base::SecretBytes memory_;
    std::vector<std::uint32_t> free_;
    std::list<Entry> entries_;  // the one used last is in front
    std::map<Digest, std::list<Entry>::iterator> by_digest_;
};

}  // namespace ecryptfs::fuse
