// SPDX-License-Identifier: Apache-2.0

#include "lib/base/sealed_memfd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/try.h"

namespace ecryptfs::base {
namespace {

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;

// Maps the memfd's one page and locks it before the secret is in it. The mapping is of another
// descriptor, one that cannot write: the kernel refuses F_SEAL_WRITE while a mapping might become
// writable.
Result<void*> map_locked(int fd) {
    const UniqueFd reader(
        ::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDONLY | O_CLOEXEC));
    if (!reader) {
        return std::unexpected(system_error(ErrorCode::kMemoryLock, "memfd for a secret", errno));
    }
    void* page = ::mmap(nullptr, kMaxSecretSize, PROT_READ, MAP_SHARED, reader.get(), 0);
    if (page == MAP_FAILED) {
        return std::unexpected(system_error(ErrorCode::kMemoryLock, "memfd for a secret", errno));
    }
    if (::mlock2(page, kMaxSecretSize, 0) != 0) {
        const int error_number = errno;
        ::munmap(page, kMaxSecretSize);
        return std::unexpected(
            system_error(ErrorCode::kMemoryLock, "locking memory for a secret", error_number,
                         "raise the memory-lock limit (see it with: ulimit -l)"));
    }
    return page;
}

Error not_a_sealed_memfd(std::string_view why) {
    return {ErrorCode::kInvalidArgument, fmt::format("the secret's descriptor {}", why),
            "send a memfd with the seals write, grow and shrink"};
}

}  // namespace

Result<SealedMemfd> SealedMemfd::create(ByteView secret) {
    if (secret.size() > kMaxSecretSize) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("the secret is longer than {} bytes", kMaxSecretSize)});
    }
    SealedMemfd memfd;
    memfd.fd_.reset(::memfd_create("ecryptfs-secret", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memfd.fd_ || ::ftruncate(memfd.fd(), static_cast<off_t>(secret.size())) != 0) {
        return std::unexpected(system_error(ErrorCode::kMemoryLock, "memfd for a secret", errno));
    }
    if (!secret.empty()) {
        const auto page = TRY(map_locked(memfd.fd()));
        memfd.locked_page_ = page;
        if (::pwrite(memfd.fd(), secret.data(), secret.size(), 0) !=
            static_cast<ssize_t>(secret.size())) {
            return std::unexpected(
                system_error(ErrorCode::kMemoryLock, "memfd for a secret", errno));
        }
    }
    if (::fcntl(memfd.fd(), F_ADD_SEALS, kSeals) != 0) {
        return std::unexpected(system_error(ErrorCode::kInternal, "sealing a memfd", errno));
    }
    return memfd;
}

SealedMemfd::SealedMemfd(SealedMemfd&& other) noexcept
    : fd_(std::move(other.fd_)), locked_page_(std::exchange(other.locked_page_, nullptr)) {}

SealedMemfd::~SealedMemfd() {
    if (locked_page_ != nullptr) {
        ::munmap(locked_page_, kMaxSecretSize);
    }
}

Result<SecretBytes> read_sealed_memfd(int fd) {
    const int seals = ::fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals) {
        return std::unexpected(not_a_sealed_memfd("is not a sealed memfd"));
    }
    struct stat status{};
    if (::fstat(fd, &status) != 0 || status.st_size > static_cast<off_t>(kMaxSecretSize)) {
        return std::unexpected(not_a_sealed_memfd("holds too much"));
    }
    auto secret = SecretBytes::create(static_cast<std::size_t>(status.st_size));
    if (!secret || secret->empty()) {
        return secret;
    }
    if (::pread(fd, secret->span().data(), secret->size(), 0) != status.st_size) {
        return std::unexpected(not_a_sealed_memfd("cannot be read"));
    }
    return secret;
}

}  // namespace ecryptfs::base
