// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/session_pool.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <utility>

namespace ecryptfs::pkcs11_module {

using base::Error;
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
    return pool_->library().functions();
}

SessionPool::SessionPool(Library& library, TokenName token, SlotId slot)
    : library_(library),
      token_(std::move(token)),
      name_(fmt::format("token \"{}\"", token_.label.empty() ? token_.serial : token_.label)),
      slot_(slot),
      library_starts_(library.starts()) {}

SlotId SessionPool::slot() const {
    const std::scoped_lock lock(mutex_);
    return slot_;
}

void SessionPool::move_to(SlotId slot) {
    const std::scoped_lock lock(mutex_);
    slot_ = slot;
}

Result<Session> SessionPool::take() {
    for (bool searched = false;; searched = true) {
        std::unique_lock lock(mutex_);
        notice_restart();
        if (!idle_.empty()) {
            const auto handle = idle_.back();
            idle_.pop_back();
            return hand_out(handle);
        }
        const auto slot = slot_;
        const auto epoch = epoch_;
        const bool is_first = open_.empty();
        lock.unlock();
        SessionHandle handle = 0;
        auto result = open(slot, is_first, handle);
        if (result == CKR_SESSION_COUNT && wait_for_one()) {
            continue;
        }
        lock.lock();
        if (result == CKR_OK) {
            open_.push_back(handle);
            return hand_out(handle);
        }
        lock.unlock();
        const auto found = library_.find(token_);
        if (!found) {
            note_absence();
            forget_sessions(epoch);
            result = CKR_TOKEN_NOT_PRESENT;
        }
        if (!found || searched) {
            return std::unexpected(cryptoki_error("C_OpenSession", result, name_));
        }
        move_to(*found);
    }
}

Result<Session> SessionPool::take_live() {
    for (bool repeated = false;; repeated = true) {
        auto session = take();
        if (!session) {
            return session;
        }
        auto turn = turns_.beside_others();
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
    const auto result = library_.functions().C_GetSessionInfo(session.handle(), &info);
    if (result != CKR_OK) {
        return std::unexpected(cryptoki_error("C_GetSessionInfo", result, name_));
    }
    return {};
}

// With the mutex held. There is nothing to close: the library has forgotten all of it.
void SessionPool::notice_restart() {
    const auto starts = library_.starts();
    if (starts != library_starts_) {
        library_starts_ = starts;
        ++epoch_;
        idle_.clear();
        open_.clear();
    }
}

// With the mutex held.
Session SessionPool::hand_out(SessionHandle handle) {
    ++out_;
    idle_.reserve(idle_.size() + out_);  // here, so that put_back() need not allocate
    return {*this, handle, epoch_};
}

// For a token that has no more sessions: false if none of ours can come back.
bool SessionPool::wait_for_one() {
    std::unique_lock lock(mutex_);
    const auto returned = returned_;
    came_back_.wait(lock, [&] { return out_ == 0 || returned_ != returned; });
    return returned_ != returned || !idle_.empty();
}

// That it is this token and no other: it gets a PIN soon.
ReturnValue SessionPool::check_token(SlotId slot) const {
    TokenInfo info;
    const auto result = library_.token_info(slot, info);
    return result == CKR_OK && info.name != token_ ? CKR_TOKEN_NOT_PRESENT : result;
}

// Where there are other sessions the token is not asked who it is: they would die with it, and some
// libraries select the card's applet for the answer, which makes it forget the login.
ReturnValue SessionPool::open(SlotId slot, bool is_first, SessionHandle& handle) {
    const auto turn = turns_.beside_others();
    if (is_first) {
        if (const auto result = check_token(slot); result != CKR_OK) {
            return result;
        }
    }
    return library_.functions().C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &handle);
}

Result<TokenInfo> SessionPool::token_info() {
    TokenInfo info;
    if (library_.token_info(slot(), info) == CKR_OK && info.name == token_) {
        return info;
    }
    const auto found = library_.find(token_);
    if (!found || library_.token_info(*found, info) != CKR_OK) {
        note_absence();
        return std::unexpected(cryptoki_error("C_GetTokenInfo", CKR_TOKEN_NOT_PRESENT, name_));
    }
    move_to(*found);
    return info;
}

std::uint64_t SessionPool::absences() const {
    const std::scoped_lock lock(mutex_);
    return absences_;
}

void SessionPool::note_absence() {
    const std::scoped_lock lock(mutex_);
    ++absences_;
}

Error SessionPool::error(std::string_view call, ReturnValue value) {
    if (!token_info()) {
        value = CKR_TOKEN_NOT_PRESENT;
    }
    return cryptoki_error(call, value, name_);
}

void SessionPool::forget_sessions(std::uint64_t epoch) {
    std::vector<SessionHandle> dead;
    {
        const std::scoped_lock lock(mutex_);
        if (epoch != epoch_) {
            return;  // somebody did so already
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
        --out_;
        ++returned_;
        const bool current = session.epoch_ == epoch_;
        keep = current && session.usable_ && keep_open_;
        if (keep) {
            idle_.push_back(session.handle_);  // hand_out() reserved the room
        } else if (current) {
            std::erase(open_, session.handle_);
        } else {
            // Most likely dead, and its number may have been given to a new one.
            is_another = std::ranges::find(open_, session.handle_) != open_.end();
        }
    }
    if (!keep && !is_another) {
        close(session.handle_);
    }
    came_back_.notify_all();
}

void SessionPool::close(SessionHandle handle) const noexcept {
    static_cast<void>(library_.functions().C_CloseSession(handle));
}

}  // namespace ecryptfs::pkcs11_module
