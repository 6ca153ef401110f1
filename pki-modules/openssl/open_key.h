// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_entry.h"
#include "pki-modules/common/opened_key.h"

namespace ecryptfs::openssl_module {

// Opens the key in the PEM file that `locator`, a file: URI, names. Without `with_private_half` it
// keeps no private half.
base::Result<std::unique_ptr<module::OpenedKey>> open_key(std::string_view locator,
                                                          const base::SecretEntry& passphrase,
                                                          bool with_private_half);

}  // namespace ecryptfs::openssl_module
