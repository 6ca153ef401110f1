// SPDX-License-Identifier: Apache-2.0
//
// The rules that keep us from wasting a token's few PIN attempts. Pure: they judge what the token
// said, and send it nothing.

#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "pki-modules/pkcs11/token_presence.h"

namespace ecryptfs::pkcs11_module {

// kSecretLockedOut if the token takes no PIN any more, or only one more.
base::Result<void> check_attempts(const TokenInfo& info, const TokenPresence& token);

// kWrongSecret for bytes that cannot be the PIN. No bytes are right: the PIN is typed on the pad.
base::Result<void> check_form(base::ByteView pin, const TokenInfo& info,
                              const TokenPresence& token);

// The error for a PIN that C_Login refused: kWrongSecret, or kSecretLockedOut if `value` or `info`
// say that the token is locked now. `info` is what the token said afterwards, if it did.
base::Error refusal(ReturnValue value, const std::optional<TokenInfo>& info,
                    const TokenPresence& token);

// The last PIN that a token refused. It would refuse the same PIN again.
class RefusedPin {
  public:
    // `absences`: TokenPresence::absences(). `info`: what the token said afterwards, if it did.
    void remember(base::SecretBytes pin, std::uint64_t absences,
                  const std::optional<TokenInfo>& info);
    void forget() { pin_.clear(); }

    // False also if the token was away meanwhile, or somebody has reset its count.
    bool matches(base::ByteView pin, std::uint64_t absences, const TokenInfo& info) const;

  private:
    base::SecretBytes pin_;
    std::uint64_t absences_ = 0;
    bool count_was_low_ = false;
};

}  // namespace ecryptfs::pkcs11_module
