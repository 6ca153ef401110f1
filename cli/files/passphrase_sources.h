// SPDX-License-Identifier: Apache-2.0
//
// The mount passphrases that decrypt and inspect are given.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/files/given_keys.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// There may be several of each. All of them are tried.
struct PassphraseSources {
    bool passphrase = false;                         // ask for one
    std::vector<std::string> passphrase_files = {};  // with one on the first line
    std::vector<std::string> wrapped = {};           // wrapped-passphrase files
    std::vector<std::string> wrapping_files = {};    // in their order; asks for the others
    std::optional<std::string> salt = {};            // 16 hexadecimal digits; none: the default
};

// Finds contradictions before anybody is asked: --salt without a passphrase, more wrapping
// passphrases than wrapped files, standard input for two files. `other_files` are those of other
// options. kInvalidArgument.
base::Result<void> check_sources(const PassphraseSources& sources,
                                 std::span<const std::string> other_files = {});

// Reads or asks for all of them, in the order: files, wrapped, typed.
base::Result<void> add_passphrases(GivenKeys& given, const PassphraseSources& sources);

}  // namespace ecryptfs::cli
