// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::tpm2_module {

// Makes a key below the usual parent in the owner hierarchy, and writes the TSS2 PEM file that
// `where` names. The option `pcrs` ("sha256:7+11") binds the key to the PCRs' present values. Gives
// the locator.
base::Result<std::string> generate_key(const ecryptfs_pki_new_key& wanted);

}  // namespace ecryptfs::tpm2_module
