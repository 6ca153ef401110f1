// SPDX-License-Identifier: Apache-2.0
//
// How calls of OpenSSL are checked: check_openssl("EVP_PKEY_decrypt", ::EVP_PKEY_decrypt(…)).

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::module {

// What the calling thread's OpenSSL error queue held; the queue is empty afterwards.
class OpensslErrors {
  public:
    static OpensslErrors take();

    bool has(int library, int reason) const;
    // A reason common to all of OpenSSL's libraries, such as ERR_R_UNSUPPORTED.
    bool has(int reason) const;
    bool out_of_memory() const;
    // What went wrong first, in OpenSSL's words. Never holds a secret.
    std::string text() const;

  private:
    std::vector<unsigned long> codes_;
};

// OpenSSL's locked memory is used up.
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
