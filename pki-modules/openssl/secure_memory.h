// SPDX-License-Identifier: Apache-2.0
//
// What OpenSSL does with memory that held a key: kept out of swap and core dumps, wiped when freed.

#pragma once

#include <cstdint>
#include <utility>

#include "lib/base/error.h"

namespace ecryptfs::openssl_module {

// Before anything else in the process uses OpenSSL. Only the first call does something.
void set_up_memory() noexcept;

// An error, with advice, when set_up_memory() could not do all of its work: no key may be opened.
base::Result<void> memory_is_safe();

// Bytes in OpenSSL's secure heap, wiped when they go. For what OpenSSL reads or writes: its heap is
// locked already, where SecretBytes would need more of what a small limit allows.
class SecureBuffer {
  public:
    // kMemoryLock when the heap is used up.
    static base::Result<SecureBuffer> create(std::size_t size);
    ~SecureBuffer();
    SecureBuffer(SecureBuffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    SecureBuffer(const SecureBuffer&) = delete;
    SecureBuffer& operator=(const SecureBuffer&) = delete;
    SecureBuffer& operator=(SecureBuffer&&) = delete;

    std::uint8_t* data() { return data_; }

  private:
    SecureBuffer(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    std::uint8_t* data_;
    std::size_t size_;
};

// While it lives, what OpenSSL allocates in this thread to keep comes from its secure heap. For the
// first use of a private key: OpenSSL then copies the primes into its Montgomery contexts, which
// stay as long as the key, and has ordinary memory for them.
class SecureHeapScope {
  public:
    SecureHeapScope() noexcept;
    ~SecureHeapScope();
    SecureHeapScope(const SecureHeapScope&) = delete;
    SecureHeapScope& operator=(const SecureHeapScope&) = delete;
    SecureHeapScope(SecureHeapScope&&) = delete;
    SecureHeapScope& operator=(SecureHeapScope&&) = delete;
};

}  // namespace ecryptfs::openssl_module
