// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

// Has a pinentry ask. The protocol is Assuan, as libassuan documents it: one command a line, and
// the answer is "D " and data, "OK", or "ERR " and why.
base::Result<base::SecretBytes> ask_pinentry(const std::string& program, std::string_view question);

// Undoes the escapes (%0A) in the data that a pinentry sent. kMalformed.
base::Result<base::SecretBytes> unescaped_data(base::ByteView data);

}  // namespace ecryptfs::cli
