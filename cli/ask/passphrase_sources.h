// SPDX-License-Identifier: Apache-2.0
//
// The mount passphrases that decrypt and inspect are given.

#pragma once

#include <span>
#include <string>

#include "cli/files/given_keys.h"
#include "cli/verbs/verbs.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// What cannot be meant, before anybody is asked for anything: --salt without a passphrase, more
// wrapping passphrases than wrapped ones, standard input for two files. `other_files` are of other
// options. kInvalidArgument.
base::Result<void> check_sources(const PassphraseSources& sources,
                                 std::span<const std::string> other_files = {});

// Reads or asks for all of them, in the order: files, wrapped, typed.
base::Result<void> add_passphrases(GivenKeys& given, const PassphraseSources& sources);

}  // namespace ecryptfs::cli
