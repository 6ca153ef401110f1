// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

// Asks on a terminal, echo off, and gives the line that was typed, in locked memory. The terminal
// is restored afterwards, also when a signal ends or stops (^Z) the program meanwhile; resumed, it
// asks again. kCancelled for ^C and for ^D on an empty line, kSecretRequired for an empty line.
// Other fatal signals end the process. Single-threaded programs only.
//
// Not readpassphrase() of libbsd: it keeps what is typed in plain memory, and its signal handlers
// would take the place of those that end PKI hosts (lib/pki/client/live_hosts.h).
base::Result<base::SecretBytes> prompt_for_secret(int terminal, std::string_view prompt);

}  // namespace ecryptfs::cli
