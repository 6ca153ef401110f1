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

// A session with a token for the caller alone; goes back to its pool when it is destroyed. One
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
    // Which of the token's presences it belongs to.
    std::uint64_t epoch() const { return epoch_; }
    Functions& functions() const;
    SessionPool& pool() const { return *pool_; }

    // To be closed, not used again: an operation may still be under way in it.
    void discard() { usable_ = false; }

  private:
    friend class SessionPool;

    SessionPool* pool_;
    SessionHandle handle_;
    std::uint64_t epoch_;
    bool usable_ = true;
};

// The sessions with one token, as many as there are operations at once. Any thread.
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
    // For all that is done with the token in sessions.
    Turns& turns() { return turns_; }

    // kTokenRemoved at once while the token is not there. Not for those who have a turn.
    base::Result<Session> take();
    // The same, and the library has said that the session lives.
    base::Result<Session> take_live();
    // Whether it still lives.
    base::Result<void> check(const Session& session) const;

    // Sessions of this epoch were found dead: new ones are opened from now on.
    void forget_sessions(std::uint64_t epoch);

    // Between the two, sessions that go back stay open: the last one to be closed ends a login.
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
    std::size_t lent_ = 0;        // with callers
    std::uint64_t returned_ = 0;  // ever
    bool keep_open_ = false;
    std::vector<SessionHandle> idle_;
    std::vector<SessionHandle> open_;  // of this epoch, idle or out
};

}  // namespace ecryptfs::pkcs11_module
