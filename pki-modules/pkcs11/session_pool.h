// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/pkcs11/token_presence.h"
#include "pki-modules/pkcs11/turns.h"

namespace ecryptfs::pkcs11_module {

class SessionPool;

// A session with a token, lent to one caller. Returns to its pool when it is destroyed. One
// operation at a time.
class Session {
  public:
    Session(SessionPool& pool, SessionHandle handle, std::uint64_t epoch)
        : pool_(&pool), handle_(handle), epoch_(epoch) {}
    Session(Session&& other) noexcept;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    Session& operator=(Session&&) = delete;
    ~Session();

    SessionHandle handle() const { return handle_; }
    // Sessions of an older epoch are dead.
    std::uint64_t epoch() const { return epoch_; }
    Functions& functions() const;
    SessionPool& pool() const { return *pool_; }

    // Has it closed instead of reused, as an operation may still be under way in it.
    void discard() { usable_ = false; }

  private:
    friend class SessionPool;

    SessionPool* pool_;
    SessionHandle handle_;
    std::uint64_t epoch_;
    bool usable_ = true;
};

// The sessions with one token: as many as there are operations at once. Any thread.
class SessionPool {
  public:
    // Borrows the token.
    explicit SessionPool(TokenPresence& token);
    SessionPool(const SessionPool&) = delete;
    SessionPool& operator=(const SessionPool&) = delete;
    SessionPool(SessionPool&&) = delete;
    SessionPool& operator=(SessionPool&&) = delete;
    ~SessionPool() = default;

    TokenPresence& token() const { return token_; }
    // Take one for every operation with the token in a session.
    Turns& turns() { return turns_; }

    // kTokenRemoved, without waiting, if the token is away. Do not call it while you have a turn.
    base::Result<Session> take();
    // The same, after the library has said that the session lives.
    base::Result<Session> take_live();
    // An error if it is dead.
    base::Result<void> check(const Session& session) const;

    // Call it when sessions of this epoch are dead. Opens new ones from then on.
    void forget_sessions(std::uint64_t epoch);

    // Between these two calls, returned sessions stay open: closing the last one would log out.
    void keep_open();
    void close_idle() noexcept;

  private:
    friend class Session;
    ReturnValue open(SlotId slot, bool is_first, SessionHandle& handle);
    void notice_restart();
    Session lend(SessionHandle handle);
    void close(SessionHandle handle) const noexcept;
    bool wait_for_session();
    void put_back(const Session& session) noexcept;

    TokenPresence& token_;
    Turns turns_;
    mutable std::mutex mutex_;
    std::condition_variable came_back_;
    std::uint64_t epoch_ = 1;
    std::uint64_t library_starts_;
    std::size_t lent_ = 0;        // lent to callers
    std::uint64_t returned_ = 0;  // ever
    bool keep_open_ = false;
    std::vector<SessionHandle> idle_;
    std::vector<SessionHandle> open_;  // of this epoch, idle or out
};

}  // namespace ecryptfs::pkcs11_module
