// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/base/secret_entry.h"
#include "pki-modules/pkcs11/pin_rules.h"
#include "pki-modules/pkcs11/session_pool.h"

namespace ecryptfs::pkcs11_module {

// The login to one token, which in PKCS#11 is one for the whole process: keys share it, and the
// last share to go ends it. Meanwhile the PIN stays in locked memory, for when the login is lost.
// Never wastes PIN attempts: a PIN that was refused is not tried again, and none is tried when only
// one attempt is left. Any thread; restore(), renew() and confirm() are for those who have a turn
// at the token.
class Login {
  public:
    // One user's part in the login: ends it when it is the last one to go.
    class Share {
      public:
        explicit Share(Login& login) : login_(&login) {}
        Share(Share&& other) noexcept : login_(std::exchange(other.login_, nullptr)) {}
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;
        Share& operator=(Share&&) = delete;
        ~Share() {
            if (login_ != nullptr) {
                login_->end();
            }
        }

      private:
        Login* login_;
    };

    explicit Login(SessionPool& sessions) : token_(sessions.token()), sessions_(sessions) {}

    // Joins the login, or starts it, and proves the PIN right. kSecretRequired, kSecretAtDevice,
    // kWrongSecret, kSecretLockedOut.
    base::Result<Share> begin(const base::SecretEntry& pin);

    // Logs in, unless the token says that we are logged in.
    base::Result<void> restore(const Session& session);
    // Logs in, even if the library believes that we are. Needs an exclusive turn.
    base::Result<void> renew(const Session& session);
    // How often we logged in. Object handles of before the last time may be stale.
    std::uint64_t count() const { return count_; }

    // Sends the PIN for one operation with a key that wants it each time
    // (CKA_ALWAYS_AUTHENTICATE). CKR_OK, or CKR_USER_NOT_LOGGED_IN.
    base::Result<ReturnValue> confirm(const Session& session);

    // Whether we know the PIN and can send it again by ourselves.
    bool has_pin();

  private:
    void end() noexcept;
    std::optional<Session> take_last_users_session();
    base::Result<void> join(const Session& session, const base::SecretEntry& pin,
                            const TokenInfo& info);
    base::Result<void> start(const Session& session, const base::SecretEntry& pin,
                             const TokenInfo& info);
    base::Result<void> compare_pin(const base::SecretEntry& pin, const TokenInfo& info) const;
    using SendPin = ReturnValue (Login::*)(const Session&) const;
    base::Result<void> repeat_login(const Session& session, SendPin how = &Login::send_user_pin);
    ReturnValue send_pin(const Session& session, unsigned long user) const;
    ReturnValue send_user_pin(const Session& session) const;
    ReturnValue send_user_pin_anew(const Session& session) const;
    base::Error drop_refused_pin(ReturnValue value);
    base::Error login_error(ReturnValue value);

    TokenPresence& token_;
    SessionPool& sessions_;
    std::mutex mutex_;  // lock order: see Turns
    std::size_t users_ = 0;
    std::atomic<std::uint64_t> count_ = 0;
    bool logged_in_ = false;  // by us, as far as we know
    base::SecretBytes pin_;   // of the login; empty if it was typed on the token's pad
    RefusedPin refused_;
    std::optional<base::Error> lost_;  // why the login is lost though keys are open
};

}  // namespace ecryptfs::pkcs11_module
