// SPDX-License-Identifier: Apache-2.0
//
// Checks calls of OpenSSL: check_openssl("EVP_PKEY_decrypt", ::EVP_PKEY_decrypt(…)).

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::module {

// The contents of the calling thread's OpenSSL error queue. take() empties the queue.
class OpensslErrors {
  public:
    static OpensslErrors take();

    bool has(int library, int reason) const;
    // For a reason that all of OpenSSL's libraries share, such as ERR_R_UNSUPPORTED.
    bool has(int reason) const;
    bool out_of_memory() const;
    // The first error, in OpenSSL's words. Never holds a secret.
    std::string text() const;

  private:
    std::vector<unsigned long> codes_;
};

// For when OpenSSL's locked memory is used up.
base::Error out_of_locked_memory();

// base::Failure of kInternal: "CALL: what OpenSSL says"; or of out_of_locked_memory().
[[noreturn]] void throw_openssl(std::string_view call);

inline int check_openssl(std::string_view call, int result) {
    if (result <= 0) {
        throw_openssl(call);
    }
    return result;
}

template <typename T>
T* check_openssl(std::string_view call, T* result) {
    if (result == nullptr) {
        throw_openssl(call);
    }
    return result;
}

}  // namespace ecryptfs::module
