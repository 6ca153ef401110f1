// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/handover.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36's does not say so itself
}

#include <cerrno>
#include <type_traits>
#include <utility>

#include "agent/runtime/event_loop.h"
#include "agent/runtime/log.h"
#include "agent/runtime/time_limits.h"

namespace ecryptfs::agent {
namespace {

using base::ErrorCode;

// "ecrHand" and a version, to be raised with each change of the layout.
constexpr std::uint64_t kLayoutVersion = 0x65637248616e6401;
// So that nobody can shrink the memory while we use it.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr int kBetweenClaims = 50;  // milliseconds
constexpr int kClaims = kTakeoverLimit.count() / kBetweenClaims;

[[noreturn]] void fail(ErrorCode code, const char* what, const char* advice = "") {
    throw base::Failure(base::system_error(code, what, errno, advice));
}

// Whether new_memory() made it, in any version.
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

// Kills the process that has the lock, and waits a moment for its end.
void end_holder(int fd, struct flock lock) {
    if (::fcntl(fd, F_GETLK, &lock) != 0) {
        fail(ErrorCode::kInternal, "taking over shared memory");
    }
    const bool is_known = lock.l_type != F_UNLCK && lock.l_pid > 0;
    const base::UniqueFd holder(is_known ? ::pidfd_open(lock.l_pid, 0) : -1);
    if (holder) {
        ::pidfd_send_signal(holder.get(), SIGKILL, nullptr, 0);
    }
    has_ended(holder.get(), kBetweenClaims);  // none: waits as long
}

// False if the process that has it does not end: it cannot be killed while it waits for a file
// system.
// This is a lock of a process, which ends with it. An open file description lock tells no process
// number, and does not tell apart processes that share a descriptor.
bool claim_memory(int fd, Handover::Claim claim) {
    const struct flock whole{
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
    for (int attempt = 0; ::fcntl(fd, F_SETLK, &whole) != 0; ++attempt) {
        if (claim == Handover::Claim::kIfFree) {
            fail(ErrorCode::kInternal, "taking over shared memory");
        }
        if (attempt == kClaims) {
            return false;
        }
        end_holder(fd, whole);
    }
    return true;
}

// Pages are locked when they are first used, as most never are.
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
    const bool was_left = fd_ && is_memory(fd_.get());
    const bool is_leftover = was_left && claim_memory(fd_.get(), claim);
    if (is_leftover && has_size(fd_.get(), sizeof(Layout))) {
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
    if (was_left && !is_leftover) {
        // Nobody can tell which were locked.
        memory_->locks_all_others = 1;
        log_line(Priority::kWarning,
                 "the agent before this one does not end: its keys must be unlocked anew");
    }
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
