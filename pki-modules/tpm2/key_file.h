// SPDX-License-Identifier: Apache-2.0
//
// TSS2 PEM files: "ASN.1 Specification for TPM 2.0 Key Files" (draft-bottomley-tpm2-keys).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/tpm2/der.h"

namespace ecryptfs::tpm2_module {

// One command of a key's policy: a TPM_CC and its parameters.
struct PolicyCommand {
    std::uint32_t code = 0;
    Bytes parameters;
};

struct KeyFile {
    bool empty_auth = false;  // the file says that the key has no PIN
    std::vector<PolicyCommand> policy;
    bool rsa_parent = false;  // the parent is the usual primary key of RSA, not of P-256
    std::uint32_t parent = 0;
    Bytes public_area;   // TPM2B_PUBLIC
    Bytes private_area;  // TPM2B_PRIVATE, encrypted by the TPM
    // Lines before the PEM block that begin with "PCR ": our notes of the PCRs' values.
    std::vector<std::string> pcr_lines;
};

// `path` is for messages. kInvalidKey, with advice, for any other file. Pure.
base::Result<KeyFile> parse_key_file(std::string_view file, const std::string& path);

std::string to_pem(const KeyFile& key);

}  // namespace ecryptfs::tpm2_module
