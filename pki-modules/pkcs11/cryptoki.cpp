// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/cryptoki.h"

#include <fmt/format.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::ErrorCode;

TokenError classify_return_value(ReturnValue value) {
    switch (value) {
        case CKR_TOKEN_NOT_PRESENT:
        case CKR_TOKEN_NOT_RECOGNIZED:
        case CKR_DEVICE_REMOVED:
        case CKR_SLOT_ID_INVALID:
            return TokenError::kTokenGone;
        case CKR_SESSION_HANDLE_INVALID:
        case CKR_SESSION_CLOSED:
        case CKR_OPERATION_ACTIVE:
        case CKR_OPERATION_NOT_INITIALIZED:
            return TokenError::kSessionGone;
        case CKR_USER_NOT_LOGGED_IN:
            return TokenError::kNotLoggedIn;
        case CKR_OBJECT_HANDLE_INVALID:
        case CKR_KEY_HANDLE_INVALID:
            return TokenError::kObjectGone;
        case CKR_MECHANISM_INVALID:
        case CKR_MECHANISM_PARAM_INVALID:
        case CKR_FUNCTION_NOT_SUPPORTED:
        case CKR_KEY_FUNCTION_NOT_PERMITTED:
        case CKR_KEY_TYPE_INCONSISTENT:
            return TokenError::kMechanism;
        case CKR_PIN_INCORRECT:
        case CKR_PIN_INVALID:
        case CKR_PIN_LEN_RANGE:
            return TokenError::kPinRefused;
        case CKR_PIN_LOCKED:
            return TokenError::kPinLocked;
        default:
            return TokenError::kOther;
    }
}

Error cryptoki_error(std::string_view call, ReturnValue value, std::string_view token) {
    const auto message = fmt::format("{}, {}: {}", call, token, ::p11_kit_strerror(value));
    switch (classify_return_value(value)) {
        case TokenError::kTokenGone:
            return {ErrorCode::kTokenRemoved, fmt::format("{} is not there", token),
                    "put it back and try again"};
        case TokenError::kSessionGone:
            return {ErrorCode::kTokenRemoved, fmt::format("{} went away meanwhile", token),
                    "try again"};
        case TokenError::kMechanism:
            return {ErrorCode::kNotSupported, message, "use another key or token"};
        default:
            return {ErrorCode::kInternal, message};
    }
}

std::string unpadded(const unsigned char* field, std::size_t size) {
    while (size > 0 && (field[size - 1] == ' ' || field[size - 1] == 0)) {
        --size;
    }
    return {reinterpret_cast<const char*>(field), size};
}

}  // namespace ecryptfs::pkcs11_module
