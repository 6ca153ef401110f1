// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::cli {

// A signature as typed, in lower or upper case. kInvalidArgument for anything else.
base::Result<wire::KeySignature> typed_signature(const std::string& text);

}  // namespace ecryptfs::cli
