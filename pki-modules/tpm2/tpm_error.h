// SPDX-License-Identifier: Apache-2.0
//
// How calls of tpm2-tss are checked: check_tss("Esys_RSA_Decrypt", ::Esys_RSA_Decrypt(…)).

#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::tpm2_module {

// What a failure means to us, whichever library or TPM reported it.
enum class TpmError {
    kOther,
    kWrongSecret,  // the authorization failed
    kLockedOut,    // the TPM takes no authorizations for a while
    kLost,         // the connection, a session or a loaded key is gone: start over
    kUnreachable,  // no connection is possible
    kNoRoom,       // too many keys or sessions are loaded
    kPolicy,       // the key's policy does not hold
    kPcrChanged,   // a PCR changed between the check and the use
    kForeign,      // the key blob is damaged, or of another TPM or parent
    kBadInput      // the first parameter is bad: the bytes to decrypt
};

class TpmFailure : public base::Failure {
  public:
    TpmFailure(std::string_view call, std::uint32_t code);
    TpmFailure(base::Error error, TpmError kind) : base::Failure(std::move(error)), kind_(kind) {}

    TpmError kind() const noexcept { return kind_; }
    std::uint32_t code() const noexcept { return code_; }

  private:
    TpmError kind_;
    std::uint32_t code_ = 0;
};

TpmError classify_code(std::uint32_t code);

inline void check_tss(std::string_view call, std::uint32_t code) {
    if (code != 0) {
        throw TpmFailure(call, code);
    }
}

}  // namespace ecryptfs::tpm2_module
