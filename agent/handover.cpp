// SPDX-License-Identifier: Apache-2.0

#include "agent/handover.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <type_traits>
#include <utility>

namespace ecryptfs::agent {
namespace {

using base::ErrorCode;

// "ecrHand" and a version, to be raised with each change of the layout.
constexpr std::uint64_t kLayoutVersion = 0x65637248616e6401;
// Nobody can make the memory end below our feet.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

[[noreturn]] void fail(ErrorCode code, const char* what, const char* advice = "") {
    throw base::Failure(base::system_error(code, what, errno, advice));
}

// As new_memory() made it, of whichever version.
bool is_memory(int fd) {
    return ::fcntl(fd, F_GET_SEALS) == kSeals;
}

bool has_size(int fd, std::size_t size) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && status.st_size == static_cast<off_t>(size);
}

base::UniqueFd new_memory(std::size_t size) {
    base::UniqueFd fd(::memfd_create("ecryptfs-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 ||
        ::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
        fail(ErrorCode::kInternal, "making shared memory");
    }
    return fd;
}

// The lock goes with the process. Not fcntl's other kind, whose holder has no number: nor would it
// tell apart processes that share a descriptor.
void claim_memory(int fd, Handover::Claim claim) {
    const struct flock whole{
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    if (::fcntl(fd, F_SETLK, &whole) == 0) {
        return;
    }
    auto holder = whole;
    if (claim == Handover::Claim::kIfFree || ::fcntl(fd, F_GETLK, &holder) != 0) {
        fail(ErrorCode::kInternal, "taking over shared memory");
    }
    if (holder.l_type != F_UNLCK && holder.l_pid > 0) {
        ::kill(holder.l_pid, SIGKILL);
    }
    if (::fcntl(fd, F_SETLKW, &whole) != 0) {
        fail(ErrorCode::kInternal, "taking over shared memory");
    }
}

// Locked page by page as they are used, as most never are.
void* map(int fd, std::size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        fail(ErrorCode::kInternal, "mapping shared memory");
    }
    if (::mlock2(memory, size, MLOCK_ONFAULT) != 0) {
        fail(ErrorCode::kMemoryLock, "locking memory for secrets",
             "raise the memory-lock limit (see it with: ulimit -l); in a systemd unit: "
             "LimitMEMLOCK=8M");
    }
    ::madvise(memory, size, MADV_DONTDUMP);
    ::madvise(memory, size, MADV_DONTFORK);
    return memory;
}

}  // namespace

struct Handover::Layout {
    std::uint64_t version;
    std::uint32_t keys_used;
    std::uint32_t requests_used;
    std::uint32_t locks_all_others;
    std::array<std::uint8_t, 4096 - 20> reserved;  // zeros
    std::array<KeyNote, kKeyNotes> keys;
    std::array<RequestSlot, kRequestSlots> requests;
};

Handover::Handover(base::UniqueFd inherited, Claim claim) : fd_(std::move(inherited)) {
    static_assert(std::is_trivially_copyable_v<Layout> && std::is_standard_layout_v<Layout>);
    static_assert(sizeof(KeyNote) == 4096 && sizeof(RequestSlot) == 1024);
    const bool is_left_over = fd_ && is_memory(fd_.get());
    if (is_left_over) {
        claim_memory(fd_.get(), claim);
    }
    if (is_left_over && has_size(fd_.get(), sizeof(Layout))) {
        memory_ = static_cast<Layout*>(map(fd_.get(), sizeof(Layout)));
        if (memory_->version == kLayoutVersion && memory_->keys_used <= kKeyNotes &&
            memory_->requests_used <= kRequestSlots) {
            is_inherited_ = true;
            return;
        }
        ::munmap(memory_, sizeof(Layout));
    }
    fd_ = new_memory(sizeof(Layout));
    claim_memory(fd_.get(), claim);
    memory_ = static_cast<Layout*>(map(fd_.get(), sizeof(Layout)));
    memory_->version = kLayoutVersion;
}

Handover::~Handover() {
    ::munmap(memory_, sizeof(Layout));
}

Places<RequestSlot> Handover::requests() {
    return {memory_->requests, memory_->requests_used};
}

KeyNotePlaces Handover::keys() {
    return {{memory_->keys, memory_->keys_used}, memory_->locks_all_others};
}

}  // namespace ecryptfs::agent
