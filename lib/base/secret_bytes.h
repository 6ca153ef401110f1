// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::base {

// Bytes that nobody else may see: a passphrase, a PIN, a file key. They are in locked memory that
// is not dumped, and are wiped at the end. Cannot be copied by accident: say copy(). An empty
// object holds no memory. Each object belongs to one thread at a time.
class SecretBytes {
  public:
    SecretBytes() = default;
    SecretBytes(SecretBytes&& other) noexcept : memory_(std::exchange(other.memory_, {})) {}
    SecretBytes& operator=(SecretBytes&& other) noexcept;
    SecretBytes(const SecretBytes&) = delete;
    SecretBytes& operator=(const SecretBytes&) = delete;
    ~SecretBytes() { clear(); }

    // `size` zero bytes. kMemoryLock, with advice, when they cannot be locked: there is no
    // fall-back to ordinary memory.
    static Result<SecretBytes> create(std::size_t size);
    static Result<SecretBytes> copy(ByteView bytes);

    ByteSpan span() { return memory_; }
    ByteView view() const { return memory_; }
    std::size_t size() const { return memory_.size(); }
    bool empty() const { return memory_.empty(); }

    // Wipes and gives the memory back.
    void clear() noexcept;

  private:
    explicit SecretBytes(ByteSpan memory) : memory_(memory) {}

    ByteSpan memory_;
};

// Takes a time that depends on the sizes only.
bool equal_in_constant_time(ByteView left, ByteView right);

}  // namespace ecryptfs::base
