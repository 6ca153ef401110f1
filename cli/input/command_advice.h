// SPDX-License-Identifier: Apache-2.0
//
// Commands of ecryptfsctl that several pieces of advice in cli/ name. What other programs advise
// is in lib/base/verb_advice.h.

#pragma once

#include <string>

namespace ecryptfs::cli {

// "ecryptfsctl add-key …" for a key whose place may be known; empty if it is not.
std::string add_key_advice(const std::string& locator);

// For a key that may be a private key or a passphrase's.
std::string add_any_key_advice();

// How files are read where the kernel has no eCryptfs.
std::string decrypt_help_advice();

}  // namespace ecryptfs::cli
