// SPDX-License-Identifier: Apache-2.0
//
// Keeps OpenSSL's memory for keys out of swap and core dumps, and wipes it when it is freed.

#pragma once

#include <cstdint>
#include <utility>

#include "lib/base/error.h"

namespace ecryptfs::openssl_module {

// Call it before anything else in the process uses OpenSSL. Only the first call has an effect.
void set_up_memory() noexcept;

// An error, with advice, if set_up_memory() failed in part. Then no key may be opened.
base::Result<void> memory_is_safe();

// Bytes in OpenSSL's secure heap, wiped in the end, for OpenSSL to read or write. That heap is
// locked already; SecretBytes would take more of a limit that may be small.
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

// While it lives, OpenSSL takes memory that this thread allocates from the secure heap. For the
// first use of a private key: then OpenSSL copies the primes into its Montgomery contexts, which
// live as long as the key, and would take ordinary memory for them.
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
