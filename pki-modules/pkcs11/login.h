// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <mutex>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "pki-modules/pkcs11/session_pool.h"

namespace ecryptfs::pkcs11_module {

// The login to one token, which in PKCS#11 is one for the whole process: keys share it, and the
// last one to be closed ends it. Meanwhile the PIN stays in locked memory, for when the login is
// lost. What wears out a token's count of wrong PINs is never done: a PIN that was refused is not
// tried again, and none on the last try. Any thread.
class Login {
  public:
    explicit Login(SessionPool& sessions) : sessions_(sessions) {}

    // Takes part in the login, and proves the PIN right. Nothing: there is none; an empty one: none
    // either, but somebody waits to type it on the token's own pad. kSecretRequired,
    // kSecretAtDevice, kWrongSecret, kSecretLockedOut.
    base::Result<void> begin(std::optional<base::ByteView> pin);
    void end() noexcept;

    // Logs in again where the token forgot that we are. `was_denied`: it said so; otherwise it is
    // asked first.
    base::Result<void> restore(const Session& session, bool was_denied);

    // For an operation with a key that wants the PIN each time (CKA_ALWAYS_AUTHENTICATE).
    base::Result<void> confirm(const Session& session);

    // Whether a PIN can be given again without a person.
    bool has_pin();

  private:
    std::optional<Session> session_of_the_last();
    base::Result<void> join(const Session& session, std::optional<base::ByteView> pin,
                            const TokenInfo& info);
    base::Result<void> start(const Session& session, std::optional<base::ByteView> pin,
                             const TokenInfo& info);
    base::Result<void> compare(std::optional<base::ByteView> pin, const TokenInfo& info) const;
    base::Result<void> again(const Session& session);
    base::Result<void> check_tries(const TokenInfo& info) const;
    ReturnValue log_in(const Session& session, unsigned long user) const;
    bool was_refused(base::ByteView pin, const TokenInfo& info) const;
    base::Error refused(ReturnValue value);
    base::Error cannot_log_in(ReturnValue value);

    SessionPool& sessions_;
    // Never held by one who waits for a session: those who have the token's last ones may want it.
    std::mutex mutex_;
    std::size_t users_ = 0;
    bool logged_in_ = false;              // as far as we know
    base::SecretBytes pin_;               // of the login; empty: it was typed on the token's pad
    base::SecretBytes refused_;           // the last one that the token did not take …
    std::uint64_t refused_at_ = 0;        // … in which presence (SessionPool::absences()) …
    bool refused_count_was_low_ = false;  // … and whether it then said that few tries are left
    std::optional<base::Error> lost_;     // why there is no login though keys are open
};

}  // namespace ecryptfs::pkcs11_module
