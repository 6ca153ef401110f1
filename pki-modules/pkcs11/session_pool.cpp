// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/session_pool.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <utility>

namespace ecryptfs::pkcs11_module {

using base::Result;

Session::Session(Session&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      handle_(other.handle_),
      epoch_(other.epoch_),
      usable_(other.usable_) {}

Session::~Session() {
    if (pool_ != nullptr) {
        pool_->put_back(*this);
    }
}

Functions& Session::functions() const {
    return pool_->token().library().functions();
}

SessionPool::SessionPool(TokenPresence& token)
    : token_(token), library_starts_(token.library().starts()) {}

Result<Session> SessionPool::take() {
    for (bool searched = false;; searched = true) {
        std::unique_lock lock(mutex_);
        notice_restart();
        if (!idle_.empty()) {
            const auto handle = idle_.back();
            idle_.pop_back();
            return lend(handle);
        }
        const auto epoch = epoch_;
        const bool is_first = open_.empty();
        lock.unlock();
        SessionHandle handle = 0;
        auto result = open(token_.slot(), is_first, handle);
        if (result == CKR_SESSION_COUNT && wait_for_session()) {
            continue;
        }
        lock.lock();
        if (result == CKR_OK) {
            open_.push_back(handle);
            return lend(handle);
        }
        lock.unlock();
        const bool is_present = token_.find_again();
        if (!is_present) {
            forget_sessions(epoch);
            result = CKR_TOKEN_NOT_PRESENT;
        }
        if (!is_present || searched) {
            return std::unexpected(cryptoki_error("C_OpenSession", result, token_.text()));
        }
    }
}

Result<Session> SessionPool::take_live() {
    for (bool repeated = false;; repeated = true) {
        auto session = take();
        if (!session) {
            return session;
        }
        auto turn = turns_.take_shared();
        auto lives = check(*session);
        turn = {};
        if (lives) {
            return session;
        }
        session->discard();
        forget_sessions(session->epoch());
        if (repeated) {
            return std::unexpected(std::move(lives.error()));
        }
    }
}

Result<void> SessionPool::check(const Session& session) const {
    CK_SESSION_INFO info = {};
    const auto result = session.functions().C_GetSessionInfo(session.handle(), &info);
    if (result != CKR_OK) {
        return std::unexpected(cryptoki_error("C_GetSessionInfo", result, token_.text()));
    }
    return {};
}

// With the mutex held. There is nothing to close: a restarted library has no sessions.
void SessionPool::notice_restart() {
    const auto starts = token_.library().starts();
    if (starts != library_starts_) {
        library_starts_ = starts;
        ++epoch_;
        idle_.clear();
        open_.clear();
    }
}

// With the mutex held.
Session SessionPool::lend(SessionHandle handle) {
    ++lent_;
    idle_.reserve(idle_.size() + lent_);  // here, so that put_back() need not allocate
    return {*this, handle, epoch_};
}

// For a token without free sessions. False if none is lent that could come back.
bool SessionPool::wait_for_session() {
    std::unique_lock lock(mutex_);
    const auto returned = returned_;
    came_back_.wait(lock, [&] { return lent_ == 0 || returned_ != returned; });
    return returned_ != returned || !idle_.empty();
}

// The first session's token gets a PIN soon, so it must be the right one. Where there are other
// sessions the token is not asked who it is: they would die with it, and some libraries select the
// card's applet for the answer, which makes it forget the login.
ReturnValue SessionPool::open(SlotId slot, bool is_first, SessionHandle& handle) {
    const auto turn = turns_.take_shared();
    if (is_first) {
        if (const auto result = token_.check_slot(slot); result != CKR_OK) {
            return result;
        }
    }
    return token_.library().functions().C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr,
                                                      &handle);
}

void SessionPool::forget_sessions(std::uint64_t epoch) {
    std::vector<SessionHandle> dead;
    {
        const std::scoped_lock lock(mutex_);
        if (epoch != epoch_) {
            return;  // another thread did so already
        }
        ++epoch_;
        open_.clear();
        std::swap(dead, idle_);
    }
    std::ranges::for_each(dead, [this](SessionHandle handle) { close(handle); });
}

void SessionPool::keep_open() {
    const std::scoped_lock lock(mutex_);
    keep_open_ = true;
}

void SessionPool::close_idle() noexcept {
    std::vector<SessionHandle> idle;
    {
        const std::scoped_lock lock(mutex_);
        keep_open_ = false;
        std::swap(idle, idle_);
        std::erase_if(open_, [&](SessionHandle handle) {
            return std::ranges::find(idle, handle) != idle.end();
        });
    }
    std::ranges::for_each(idle, [this](SessionHandle handle) { close(handle); });
}

void SessionPool::put_back(const Session& session) noexcept {
    bool keep = false;
    bool is_another = false;
    {
        const std::scoped_lock lock(mutex_);
        --lent_;
        ++returned_;
        const bool current = session.epoch_ == epoch_;
        keep = current && session.usable_ && keep_open_;
        if (keep) {
            idle_.push_back(session.handle_);  // lend() reserved the room
        } else if (current) {
            std::erase(open_, session.handle_);
        } else {
            // Most likely dead, and a new session may have its number.
            is_another = std::ranges::find(open_, session.handle_) != open_.end();
        }
    }
    if (!keep && !is_another) {
        close(session.handle_);
    }
    came_back_.notify_all();
}

void SessionPool::close(SessionHandle handle) const noexcept {
    static_cast<void>(token_.library().functions().C_CloseSession(handle));
}

}  // namespace ecryptfs::pkcs11_module
