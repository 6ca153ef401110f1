// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "ecryptfs_pki_module.h"
#include "lib/base/error.h"

namespace ecryptfs::module {

// The option of a new key that says its curve: p256, p384 or x25519. Without it the key is of RSA.
inline constexpr char kCurveOption[] = "curve";

// The curve that a key is to be made of; ECRYPTFS_PKI_NO_CURVE for RSA. kNotSupported for an
// unknown curve, kInvalidArgument if there are bits of a modulus, too.
base::Result<ecryptfs_pki_curve> wanted_curve(const ecryptfs_pki_new_key& wanted);

// The error of a device that makes no keys of this curve. `what` names it: "the TPM".
base::Error cannot_make_curve(const std::string& what, ecryptfs_pki_curve curve);

}  // namespace ecryptfs::module
