// SPDX-License-Identifier: Apache-2.0
//
// Where a key is and which PKI module opens it, from what the user typed.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/pki/client/key_location.h"

namespace ecryptfs::cli {

// The URI that stands for `typed`: a path becomes file:///absolute/path, a file: URI takes the same
// form, a pkcs11: URI (RFC 7512) and the handle: of a TPM's key stay as they are. `any_scheme` lets
// others pass: a module of somebody else's may know them. kInvalidArgument, with the reason, for
// anything else, and for a pkcs11: URI with a pin-value, which would be seen in argument lists and
// logs.
base::Result<std::string> canonical_uri(std::string_view typed, bool any_scheme);

// The URI, and its module: `module`, or else the one detected.
base::Result<pki::KeyLocation> locate_key(std::string_view typed,
                                          const std::optional<std::string>& module = {});

// The locator as people write it: the path of a file: URI, else the URI.
std::string display_name(const std::string& locator);

}  // namespace ecryptfs::cli
