// SPDX-License-Identifier: Apache-2.0
//
// Where a key is and which PKI module opens it, from what the user typed.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::cli {

struct KeyLocation {
    std::string module;   // name of a PKI module
    std::string locator;  // URI; what the agent is given and the token holds
};

// The URI that stands for `typed`: a path becomes file:///absolute/path, a file: URI takes the same
// form, a pkcs11: URI (RFC 7512) and a handle: URI (of the TPM) stay as they are. `any_scheme` lets
// others pass, and queries of file: URIs: the module that the user named may know them.
// kInvalidArgument, with the reason, for anything else, and for a pkcs11: URI with a pin-value,
// which would be seen in argument lists and logs.
base::Result<std::string> canonical_uri(std::string_view typed, bool any_scheme);

// The module for a canonical URI of a known scheme: by the scheme, and for files by what is in
// them. Files that cannot be read are taken for openssl's: the agent can tell what is wrong.
std::string detect_module(std::string_view uri);

// Both; `module` is the user's choice, or empty.
base::Result<KeyLocation> locate_key(std::string_view typed, std::string_view module);

// The locator as people write it: the path of a file: URI, else the URI.
std::string display_name(const std::string& locator);

}  // namespace ecryptfs::cli
