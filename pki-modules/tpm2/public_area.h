// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"
#include "pki-modules/common/curve_key.h"
#include "pki-modules/common/rsa_public_key.h"
#include "pki-modules/tpm2/der.h"

struct TPM2B_PUBLIC;  // NOLINT(readability-identifier-naming): tpm2-tss's name

namespace ecryptfs::tpm2_module {

// The public area of a key: of RSA or, if that has a curve, `point`.
struct PublicArea {
    module::RsaNumbers numbers;
    module::CurvePoint point;
    // The next two are for RSA.
    module::RsaPadding padding = module::RsaPadding::kOaepSha256;
    bool fixed_scheme = false;    // otherwise each use chooses the scheme
    std::uint16_t name_hash = 0;  // TPM_ALG_ID
    bool user_with_auth = false;  // the PIN, which may be empty, is enough to use it
    bool no_lockout = false;      // the TPM does not count wrong PINs
    Bytes policy;                 // the digest; empty if there is none

    bool is_rsa() const { return point.curve == ECRYPTFS_PKI_NO_CURVE; }
};

// `area` is a TPM2B_PUBLIC as the TPM has it; `what` is for messages. kInvalidKey, with advice, for
// a key that can neither decrypt by RSA nor do ECDH.
base::Result<PublicArea> read_public_area(base::ByteView area, const std::string& what);

Bytes marshal(const TPM2B_PUBLIC& area);

}  // namespace ecryptfs::tpm2_module
