// SPDX-License-Identifier: Apache-2.0
//
// Tokens put into the user keyring by hand: as other programs write them, and as none should.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fakes/fake_kernel.h"

namespace ecryptfs::test {

// A payload that the agent takes.
Bytes token_payload(std::string_view signature, std::string_view module, std::string_view locator);

// Adds or replaces the key; its serial number.
std::int32_t put_token(std::string_view signature, base::ByteView payload);
std::int32_t put_token(std::string_view signature, std::string_view module,
                       std::string_view locator);
void remove_token(std::int32_t serial);

// The token's payload in the user keyring.
Bytes read_token(const std::string& signature);
// How many keys the user keyring has.
std::size_t user_keyring_size();

}  // namespace ecryptfs::test
