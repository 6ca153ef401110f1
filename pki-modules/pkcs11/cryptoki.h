// SPDX-License-Identifier: Apache-2.0
//
// PKCS#11's own types and return values, for headers that must not include p11-kit's.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/error.h"

struct _CK_FUNCTION_LIST;  // NOLINT(bugprone-reserved-identifier): p11-kit's name

namespace ecryptfs::pkcs11_module {

using Functions = _CK_FUNCTION_LIST;
using ReturnValue = unsigned long;
using SlotId = unsigned long;
using SessionHandle = unsigned long;
using ObjectHandle = unsigned long;

// What a return value other than CKR_OK means to us.
enum class TokenError : std::uint8_t {
    kTokenGone,    // removed, or replaced by another
    kSessionGone,  // the session, or its operation, is useless now
    kNotLoggedIn,  // another program or the token ended the login
    kObjectGone,   // the handle is stale: search again
    kMechanism,    // the token cannot do this
    kPinRefused,   // wrong PIN
    kPinLocked,    // too many wrong PINs
    kOther,
};
TokenError classify_return_value(ReturnValue value);

// "C_Login, token \"a\": what p11-kit says". kTokenRemoved and so on by its kind.
base::Error cryptoki_error(std::string_view call, ReturnValue value, std::string_view token);

// A field of PKCS#11 without its padding: spaces, or zeros from careless libraries.
std::string unpadded(const unsigned char* field, std::size_t size);

template <std::size_t Size>
std::string unpadded(const unsigned char (&field)[Size]) {
    return unpadded(field, Size);
}

}  // namespace ecryptfs::pkcs11_module
