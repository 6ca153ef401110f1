// SPDX-License-Identifier: Apache-2.0
//
// Keys that ecryptfsctl hands over when it mounts, as no keyring has them: those of a folder key.

#pragma once

#include <vector>

#include "lib/base/error.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::fuse {

// From standard input, which is a sealed memfd with the signature of each key (16 hexadecimal
// digits), its salt (8 bytes) and itself (64 bytes), and /dev/null after that. kInvalidArgument for
// anything else.
base::Result<std::vector<lower::PassphraseKey>> take_given_keys();

}  // namespace ecryptfs::fuse
