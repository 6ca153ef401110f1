// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::pki {

// Where a private key is, and which PKI module opens it.
struct KeyLocation {
    std::string module;   // name of a PKI module
    std::string locator;  // URI; what the agent is given and the token holds
};

// The module for a locator: "pkcs11" and "tpm2" by the scheme, and for a file: URI by the file's
// contents. "openssl" for a file that cannot be read: whoever opens the key says what is wrong.
std::string detect_module(std::string_view locator);

}  // namespace ecryptfs::pki
