// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/tokens.h"

#include <gtest/gtest.h>
#include <keyutils.h>

#include <algorithm>

#include "lib/base/error.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::test {

Bytes token_payload(std::string_view signature, std::string_view module, std::string_view locator) {
    return wire::encode_private_key_token(
        base::value_or_throw(wire::KeySignature::from_text(signature)),
        base::value_or_throw(wire::PkiType::from_text(module)), locator);
}

std::int32_t put_token(std::string_view signature, base::ByteView payload) {
    const auto serial = ::add_key("user", std::string(signature).c_str(), payload.data(),
                                  payload.size(), KEY_SPEC_USER_KEYRING);
    EXPECT_GT(serial, 0);
    return serial;
}

std::int32_t put_token(std::string_view signature, std::string_view module,
                       std::string_view locator) {
    return put_token(signature, token_payload(signature, module, locator));
}

void remove_token(std::int32_t serial) {
    EXPECT_EQ(::keyctl_unlink(serial, KEY_SPEC_USER_KEYRING), 0);
}

Bytes read_token(const std::string& signature) {
    Bytes payload(32 * 1024);
    const auto serial = ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", signature.c_str(), 0);
    const auto size = ::keyctl_read(static_cast<key_serial_t>(serial),
                                    reinterpret_cast<char*>(payload.data()), payload.size());
    EXPECT_GT(size, 0);
    payload.resize(static_cast<std::size_t>(std::max(size, 0L)));
    return payload;
}

std::size_t user_keyring_size() {
    const auto size = ::keyctl_read(KEY_SPEC_USER_KEYRING, nullptr, 0);
    EXPECT_GE(size, 0);
    return static_cast<std::size_t>(size) / sizeof(key_serial_t);
}

}  // namespace ecryptfs::test
