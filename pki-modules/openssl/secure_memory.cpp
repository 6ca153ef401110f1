// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/secure_memory.h"

#include <fmt/format.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "pki-modules/common/openssl_error.h"

namespace ecryptfs::openssl_module {
namespace {

bool secure_heap_is_locked = false;
bool owns_allocator = false;
thread_local bool in_secure_heap_scope = false;

// The size of a number in an RSA-4096 key. Larger memory serves a single operation, and is wiped at
// its end.
constexpr std::size_t kLargestToKeep = 512;

// OpenSSL 3.0 does not wipe everything: it frees the decoded DER of a private key as it is, and the
// block that OAEP unpadded, which holds the file key. So we give it an allocator that wipes.
void* allocate(std::size_t size, const char* file, int line) {
    if (size == 0) {
        return nullptr;
    }
    if (in_secure_heap_scope && size <= kLargestToKeep) {
        return ::CRYPTO_secure_malloc(size, file, line);  // or nothing: no fall-back
    }
    return std::malloc(size);
}

void wipe_and_free(void* memory, const char* file, int line) {
    if (memory == nullptr) {
        return;
    }
    if (::CRYPTO_secure_allocated(memory) == 1) {
        ::CRYPTO_secure_free(memory, file, line);  // wipes
        return;
    }
    ::explicit_bzero(memory, ::malloc_usable_size(memory));
    std::free(memory);
}

void* reallocate(void* memory, std::size_t size, const char* file, int line) {
    if (memory == nullptr || size == 0) {
        wipe_and_free(memory, file, line);
        return allocate(size, file, line);
    }
    const std::size_t room = ::CRYPTO_secure_allocated(memory) == 1
                                 ? ::CRYPTO_secure_actual_size(memory)
                                 : ::malloc_usable_size(memory);
    void* moved = allocate(size, file, line);
    if (moved != nullptr) {
        std::memcpy(moved, memory, std::min(room, size));
        wipe_and_free(memory, file, line);
    }
    return moved;
}

std::size_t memory_lock_limit() {
    struct rlimit limit = {};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        return 0;
    }
    return limit.rlim_cur;
}

// An open RSA-2048 key takes 4 KiB, an RSA-4096 key 5. The limit is often 8 MiB, sometimes 64 KiB,
// and secrets and file contents need their share of it, here and in the host. So take at most half
// of it, but enough for one key. Unused pages cost nothing.
bool lock_secure_heap() {
    constexpr int kSmallestPiece = 32;
    constexpr std::size_t kLargest = 1048576;
    constexpr std::size_t kSmallest = 32768;
    const std::size_t limit = memory_lock_limit();
    for (std::size_t size = kLargest; size >= kSmallest; size /= 2) {
        if (size > kSmallest && size > limit / 2) {
            continue;
        }
        // 2 says that there is a heap but that it is not locked.
        const int result = ::CRYPTO_secure_malloc_init(size, kSmallestPiece);
        if (result == 1) {
            return true;
        }
        if (result != 0) {
            ::CRYPTO_secure_malloc_done();
        }
    }
    return false;
}

}  // namespace

void set_up_memory() noexcept {
    // Refused when the process has used OpenSSL before.
    static const bool first_call = [] {
        owns_allocator = ::CRYPTO_set_mem_functions(allocate, reallocate, wipe_and_free) == 1;
        secure_heap_is_locked = lock_secure_heap();
        return true;
    }();
    static_cast<void>(first_call);
}

base::Result<void> memory_is_safe() {
    if (!owns_allocator) {
        return std::unexpected(
            base::Error{base::ErrorCode::kInternal,
                        "the process used OpenSSL before the module openssl was loaded, "
                        "so that keys would stay in freed memory",
                        "load the module first, and one module a process"});
    }
    if (!secure_heap_is_locked) {
        return std::unexpected(base::Error{
            base::ErrorCode::kMemoryLock,
            fmt::format("memory for private keys could not be locked (the limit is {} bytes)",
                        memory_lock_limit()),
            "raise the memory-lock limit: LimitMEMLOCK= in the systemd unit, "
            "or memlock in /etc/security/limits.conf (see it with: ulimit -l)"});
    }
    return {};
}

base::Result<SecureBuffer> SecureBuffer::create(std::size_t size) {
    auto* data = static_cast<std::uint8_t*>(OPENSSL_secure_malloc(size));
    if (data == nullptr) {
        ::ERR_clear_error();
        return std::unexpected(module::out_of_locked_memory());
    }
    return SecureBuffer(data, size);
}

SecureBuffer::~SecureBuffer() {
    OPENSSL_secure_clear_free(data_, size_);
}

SecureHeapScope::SecureHeapScope() noexcept {
    in_secure_heap_scope = secure_heap_is_locked;
}

SecureHeapScope::~SecureHeapScope() {
    in_secure_heap_scope = false;
}

}  // namespace ecryptfs::openssl_module
