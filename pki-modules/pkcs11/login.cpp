// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/login.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <utility>

#include "lib/base/try.h"

namespace ecryptfs::pkcs11_module {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

namespace {

constexpr char kSetPin[] = "--login --login-type so --init-pin";

bool has_pad(const TokenInfo& info) {
    return info.has(CKF_PROTECTED_AUTHENTICATION_PATH);
}

std::unexpected<Error> missing_pin(const std::string& token, const TokenInfo& info) {
    if (has_pad(info)) {
        return std::unexpected(Error{ErrorCode::kSecretAtDevice,
                                     fmt::format("the PIN of {} is typed on its own pad", token),
                                     "add or unlock the key where you can reach the pad"});
    }
    return std::unexpected(Error{ErrorCode::kSecretRequired, fmt::format("{} needs its PIN", token),
                                 "give the PIN when the key is added or unlocked"});
}

std::unexpected<Error> different_pin(const std::string& token) {
    return std::unexpected(Error{
        ErrorCode::kWrongSecret, fmt::format("this is not the PIN that {} was opened with", token),
        "give the right PIN; if it was changed, lock the token's other keys first"});
}

bool is_logged_in(const Session& session) {
    CK_SESSION_INFO info = {};
    return session.functions().C_GetSessionInfo(session.handle(), &info) == CKR_OK &&
           (info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS);
}

}  // namespace

Result<Login::Share> Login::begin(const base::SecretEntry& pin) {
    const auto session = TRY(sessions_.take_live());
    const auto turn = sessions_.turns().take_shared();
    const std::scoped_lock lock(mutex_);
    const auto info = TRY(token_.info());
    sessions_.keep_open();
    if (auto joined = join(session, pin, info); !joined) {
        if (users_ == 0) {
            sessions_.close_idle();
        }
        return std::unexpected(std::move(joined.error()));
    }
    ++users_;
    return Share(*this);
}

void Login::end() noexcept {
    const auto session = take_last_users_session();
    const auto turn = session ? sessions_.turns().take_exclusive() : Turns::Turn{};
    const std::scoped_lock lock(mutex_);
    if (--users_ > 0) {
        return;
    }
    pin_.clear();
    lost_.reset();
    // Closing the last session logs out too, but a caller may still read a public key in one.
    if (std::exchange(logged_in_, false) && session) {
        static_cast<void>(session->functions().C_Logout(session->handle()));
    }
    sessions_.close_idle();
}

// A session for logging out. Nothing if others stay logged in.
std::optional<Session> Login::take_last_users_session() {
    {
        const std::scoped_lock lock(mutex_);
        if (users_ > 1 || !logged_in_) {
            return std::nullopt;
        }
    }
    try {
        if (auto session = sessions_.take()) {
            return std::move(*session);
        }
        // Out of memory: closing the sessions logs out as well.
    } catch (...) {  // NOLINT(bugprone-empty-catch)
    }
    return std::nullopt;
}

Result<void> Login::join(const Session& session, const base::SecretEntry& pin,
                         const TokenInfo& info) {
    if (!info.has(CKF_LOGIN_REQUIRED)) {
        const auto* typed = std::get_if<base::TypedSecret>(&pin);
        if (typed == nullptr || !pin_.empty()) {
            return {};
        }
        auto copy = SecretBytes::copy(typed->bytes);  // a key may want it at each use
        if (!copy) {
            return std::unexpected(std::move(copy.error()));
        }
        pin_ = std::move(*copy);
        return {};
    }
    if (!logged_in_) {
        return start(session, pin, info);
    }
    TRY(compare_pin(pin, info));
    if (is_logged_in(session)) {
        return {};
    }
    const bool is_typed_at_pad = pin_.empty() && std::holds_alternative<base::EntryAtDevice>(pin);
    return is_typed_at_pad ? start(session, pin, info) : repeat_login(session);
}

// For a second key on the token. Another C_Login could only fail, and a logout before it would end
// the first key's login.
Result<void> Login::compare_pin(const base::SecretEntry& pin, const TokenInfo& info) const {
    const auto* typed = std::get_if<base::TypedSecret>(&pin);
    if (typed == nullptr) {
        return has_pad(info) ? Result<void>{} : missing_pin(token_.text(), info);
    }
    if (!base::equal_in_constant_time(typed->bytes, pin_.view())) {
        return different_pin(token_.text());
    }
    return {};
}

Result<void> Login::start(const Session& session, const base::SecretEntry& pin,
                          const TokenInfo& info) {
    const auto* typed = std::get_if<base::TypedSecret>(&pin);
    const bool is_typed_at_pad = std::holds_alternative<base::EntryAtDevice>(pin) && has_pad(info);
    if (typed == nullptr && !is_typed_at_pad) {
        return missing_pin(token_.text(), info);
    }
    const auto bytes = typed != nullptr ? typed->bytes : ByteView{};
    TRY(check_attempts(info, token_));
    TRY(check_form(bytes, info, token_));
    if (refused_.matches(bytes, token_.absences(), info)) {
        return std::unexpected(
            Error{ErrorCode::kWrongSecret,
                  fmt::format("{} refused this PIN before; it was not tried again", token_.text()),
                  "give the right PIN"});
    }
    auto copy = TRY(SecretBytes::copy(bytes));
    pin_ = std::move(copy);
    // Somebody else's login would not prove the PIN right, and no key of ours needs it.
    if (const auto result = send_user_pin_anew(session); result != CKR_OK) {
        auto error = drop_refused_pin(result);
        pin_.clear();
        return std::unexpected(std::move(error));
    }
    logged_in_ = true;
    ++count_;
    lost_.reset();
    refused_.forget();
    return {};
}

Result<void> Login::restore(const Session& session) {
    const std::scoped_lock lock(mutex_);
    return is_logged_in(session) ? Result<void>{} : repeat_login(session);
}

Result<void> Login::renew(const Session& session) {
    const std::scoped_lock lock(mutex_);
    return repeat_login(session, &Login::send_user_pin_anew);
}

Result<void> Login::repeat_login(const Session& session, SendPin how) {
    const auto info = TRY(token_.info());
    if (!info.has(CKF_LOGIN_REQUIRED)) {
        return {};
    }
    if (!logged_in_) {
        return lost_ ? std::unexpected(*lost_) : missing_pin(token_.text(), info);
    }
    if (pin_.empty()) {
        logged_in_ = false;  // nobody waits at the pad now; unlock asks again
        return missing_pin(token_.text(), info);
    }
    TRY(check_attempts(info, token_));
    const auto result = (this->*how)(session);
    if (result != CKR_OK && result != CKR_USER_ALREADY_LOGGED_IN) {
        return std::unexpected(drop_refused_pin(result));
    }
    ++count_;
    return {};
}

Result<ReturnValue> Login::confirm(const Session& session) {
    const std::scoped_lock lock(mutex_);
    const auto info = TRY(token_.info());
    if (pin_.empty()) {
        return lost_ ? std::unexpected(*lost_) : missing_pin(token_.text(), info);
    }
    TRY(check_attempts(info, token_));
    const auto result = send_pin(session, CKU_CONTEXT_SPECIFIC);
    if (result == CKR_OK || classify_return_value(result) == TokenError::kNotLoggedIn) {
        return result;
    }
    return std::unexpected(drop_refused_pin(result));
}

bool Login::has_pin() {
    const std::scoped_lock lock(mutex_);
    return !pin_.empty();
}

ReturnValue Login::send_pin(const Session& session, unsigned long user) const {
    // C_Login does not change the PIN, but its parameter is not const.
    auto* pin = const_cast<unsigned char*>(pin_.view().data());
    return session.functions().C_Login(session.handle(), user, pin_.empty() ? nullptr : pin,
                                       pin_.size());
}

ReturnValue Login::send_user_pin(const Session& session) const {
    return send_pin(session, CKU_USER);
}

// A library that believes that we are logged in does not send the PIN. Yet the card may have
// forgotten the login, as cards do when another applet is used.
ReturnValue Login::send_user_pin_anew(const Session& session) const {
    const auto result = send_user_pin(session);
    if (result != CKR_USER_ALREADY_LOGGED_IN) {
        return result;
    }
    static_cast<void>(session.functions().C_Logout(session.handle()));
    return send_user_pin(session);
}

// For failures of C_Login that do not concern the PIN.
Error Login::login_error(ReturnValue value) {
    switch (value) {
        case CKR_USER_PIN_NOT_INITIALIZED:
            return {
                ErrorCode::kAccessDenied, fmt::format("{} has no user PIN yet", token_.text()),
                fmt::format("set one as its security officer: {}", token_.tool_command(kSetPin))};
        case CKR_PIN_EXPIRED:
            return {ErrorCode::kAccessDenied,
                    fmt::format("the PIN of {} has expired", token_.text()),
                    fmt::format("change it: {}", token_.tool_command("--login --change-pin"))};
        case CKR_FUNCTION_CANCELED:
            return {ErrorCode::kSecretAtDevice,
                    fmt::format("no PIN was typed on the pad of {}", token_.text()),
                    "add or unlock the key again, and type the PIN when the pad asks"};
        default:
            return token_.error("C_Login", value);
    }
}

// Forgets the PIN that C_Login refused. The error says how many attempts may be left.
Error Login::drop_refused_pin(ReturnValue value) {
    const auto kind = classify_return_value(value);
    if (kind != TokenError::kPinRefused && kind != TokenError::kPinLocked) {
        return login_error(value);
    }
    logged_in_ = false;
    auto said = token_.info();
    const auto info = said ? std::optional(std::move(*said)) : std::nullopt;
    refused_.remember(std::move(pin_), token_.absences(), info);
    lost_ = refusal(value, info, token_);
    return *lost_;
}

}  // namespace ecryptfs::pkcs11_module
