// SPDX-License-Identifier: Apache-2.0
//
// What one process of the agent leaves to the next, however it ends: the requests that it read and
// did not answer, and what it was told of keys. It is shared memory, written as things happen; the
// service manager keeps a descriptor of it.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::agent {

// A request's place. A frame is read straight into it, so that at no moment a request has left the
// kernel and is nowhere.
struct RequestSlot {
    std::int64_t read_at;                  // steady clock, nanoseconds, just before the read
    std::uint32_t replays;                 // processes that found it unanswered
    std::uint32_t source;                  // SourceNumber
    std::array<std::uint8_t, 1008> frame;  // all zero when there is none
};

// What the next process must know of a key. Of `bytes`, the token's blob comes first and the secret
// second; a locked key's note has neither.
struct KeyNote {
    std::uint64_t sequence;  // 0: none; the greatest counts where a key has two. Written last
    std::array<char, 16> signature;
    std::int32_t serial;
    std::uint8_t in_user_keyring;
    std::uint8_t locked;
    std::uint8_t has_secret;
    std::uint8_t reserved;
    std::uint16_t blob_size;
    std::uint16_t secret_size;
    std::array<std::uint8_t, 4096 - 36> bytes;
};

// Places for one kind of thing. Only the first `used` were ever written. The others are not read,
// as that would cost a page of memory each.
template <typename T>
struct Places {
    std::span<T> all;
    std::uint32_t& used;

    std::span<T> written() const { return all.first(used); }
    // Takes the first that was never written; null if all were.
    T* take_unused() const { return used == all.size() ? nullptr : &all[used++]; }
};

// The notes on keys. `locks_all_others` is not zero if there was no room for the note of a key that
// was locked: the next process then locks all keys without a note.
struct KeyNotePlaces {
    Places<KeyNote> notes;
    std::uint32_t& locks_all_others;
};

class Handover {
  public:
    // One process at a time has the memory: the kernel's lock tells which.
    enum class Claim : std::uint8_t {
        kAnyway,  // the process that has it is killed: the guard of an agent that died
        kIfFree   // else kInternal
    };

    // One more than may be in flight: a request must be read to be refused.
    static constexpr std::size_t kRequestSlots = 1025;
    static constexpr std::size_t kKeyNotes = 64;

    // Goes on with the memory that an earlier process left. Makes new memory if there is none, if
    // it is another version's, or if the process that has it does not end within kTakeoverLimit.
    // Throws base::Failure: kMemoryLock, as the memory holds secrets.
    explicit Handover(base::UniqueFd inherited, Claim claim = Claim::kAnyway);
    Handover(const Handover&) = delete;
    Handover& operator=(const Handover&) = delete;
    ~Handover();

    int fd() const { return fd_.get(); }
    // Whether it goes on with an earlier process's memory.
    bool is_inherited() const { return is_inherited_; }
    Places<RequestSlot> requests();
    KeyNotePlaces keys();

  private:
    struct Layout;

    base::UniqueFd fd_;
    Layout* memory_ = nullptr;
    bool is_inherited_ = false;
};

}  // namespace ecryptfs::agent
