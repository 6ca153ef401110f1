// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/pin_rules.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <utility>

#include "lib/base/secret_slip.h"

namespace ecryptfs::pkcs11_module {

using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

std::string unblocking_advice(const TokenPresence& token) {
    return fmt::format("unblock it with the PUK and its own tool, or as its security officer: {}",
                       token.tool_command("--login --login-type so --init-pin"));
}

}  // namespace

Result<void> check_attempts(const TokenInfo& info, const TokenPresence& token) {
    const auto locked_out = [&](std::string_view why, std::string advice) {
        return std::unexpected(Error{ErrorCode::kSecretLockedOut,
                                     fmt::format("{} {}", token.text(), why), std::move(advice)});
    };
    if (info.has(CKF_USER_PIN_LOCKED)) {
        return locked_out("takes no PIN any more: too many were wrong", unblocking_advice(token));
    }
    if (info.has(CKF_USER_PIN_FINAL_TRY)) {
        return locked_out("takes one more PIN before it locks itself, so none was tried",
                          fmt::format("log in once with the right PIN, which resets the count: {}",
                                      token.tool_command("--login --list-objects")));
    }
    return {};
}

Result<void> check_form(ByteView pin, const TokenInfo& info, const TokenPresence& token) {
    if (pin.empty()) {
        return {};
    }
    const auto not_tried = [&](std::string_view why, std::string advice) {
        return std::unexpected(Error{
            ErrorCode::kWrongSecret,
            fmt::format("this cannot be the PIN of {}: it {}; it was not tried", token.text(), why),
            std::move(advice)});
    };
    if (const auto slip = base::find_slip(pin); slip && slip->certain) {
        return not_tried(slip->what, "give the PIN alone, as text");
    }
    const bool says_sizes = info.max_pin_size != 0 && info.min_pin_size <= info.max_pin_size &&
                            info.max_pin_size != CK_UNAVAILABLE_INFORMATION;
    if (says_sizes && (pin.size() < info.min_pin_size || pin.size() > info.max_pin_size)) {
        return not_tried(fmt::format("has {} byte{}", pin.size(), pin.size() == 1 ? "" : "s"),
                         fmt::format("give the right PIN, which has {} to {} bytes",
                                     info.min_pin_size, info.max_pin_size));
    }
    return {};
}

Error refusal(ReturnValue value, const std::optional<TokenInfo>& info, const TokenPresence& token) {
    const auto says = [&](unsigned long flag) { return info && info->has(flag); };
    Error error{ErrorCode::kWrongSecret, fmt::format("{} refused the PIN", token.text()),
                "give the right PIN"};
    if (classify_return_value(value) == TokenError::kPinLocked || says(CKF_USER_PIN_LOCKED)) {
        error.code = ErrorCode::kSecretLockedOut;
        error.message += " and takes no more";
        error.advice = unblocking_advice(token);
    } else if (says(CKF_USER_PIN_FINAL_TRY)) {
        error.advice += "; only one more try is left before the token locks itself";
    } else if (says(CKF_USER_PIN_COUNT_LOW)) {
        error.advice += "; a few more wrong ones and the token locks itself";
    }
    return error;
}

void RefusedPin::remember(base::SecretBytes pin, std::uint64_t absences,
                          const std::optional<TokenInfo>& info) {
    pin_ = std::move(pin);
    absences_ = absences;
    count_was_low_ = info && info->has(CKF_USER_PIN_COUNT_LOW);
}

bool RefusedPin::matches(ByteView pin, std::uint64_t absences, const TokenInfo& info) const {
    const bool count_was_reset = count_was_low_ && !info.has(CKF_USER_PIN_COUNT_LOW);
    return !pin.empty() && base::equal_in_constant_time(pin, pin_.view()) &&
           absences == absences_ && !count_was_reset;
}

}  // namespace ecryptfs::pkcs11_module
