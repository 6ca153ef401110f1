// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"
#include "pki-modules/common/rsa_public_key.h"
#include "pki-modules/tpm2/der.h"

struct TPM2B_PUBLIC;  // NOLINT(readability-identifier-naming): tpm2-tss's name

namespace ecryptfs::tpm2_module {

// What the public area of an RSA key says.
struct PublicArea {
    module::RsaNumbers numbers;
    module::RsaPadding padding = module::RsaPadding::kOaepSha256;
    bool fixed_scheme = false;    // else the scheme is chosen with each use
    std::uint16_t name_hash = 0;  // TPM_ALG_ID
    bool user_with_auth = false;  // a PIN alone, or none, is enough to use it
    bool no_lockout = false;      // wrong PINs are not counted
    Bytes policy;                 // the digest; empty if there is none
};

// `area` is a TPM2B_PUBLIC as the TPM has it; `what` is for messages. kInvalidKey, with advice, for
// a key that cannot decrypt by RSA.
base::Result<PublicArea> read_public_area(base::ByteView area, const std::string& what);

Bytes marshal(const TPM2B_PUBLIC& area);

}  // namespace ecryptfs::tpm2_module
