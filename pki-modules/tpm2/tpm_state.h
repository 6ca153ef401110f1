// SPDX-License-Identifier: Apache-2.0
//
// What a TPM tells anybody about itself. All throw TpmFailure.

#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/tpm2/esys.h"
#include "pki-modules/tpm2/pcr_policy.h"

namespace ecryptfs::tpm2_module {

// TPM_PT_…; 0 for a property that the TPM lacks.
std::uint32_t property(const Esys& esys, std::uint32_t tag);

// In the order of the selection. kNotSupported for a bank or PCR that the TPM lacks.
std::vector<PcrValue> read_pcrs(const Esys& esys, const PcrSelection& selection);

// The banks in use, with their PCRs.
PcrSelection pcr_banks(const Esys& esys);

std::vector<std::uint32_t> persistent_handles(const Esys& esys);

// The public area of a persistent object, as a TPM2B_PUBLIC.
Bytes read_public(const Esys& esys, const TpmObject& object);

bool supports_rsa_bits(const Esys& esys, std::uint16_t bits);

// Says why the TPM takes no PIN now, and for how long.
base::Error locked_out(const Esys& esys);

}  // namespace ecryptfs::tpm2_module
