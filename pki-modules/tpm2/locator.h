// SPDX-License-Identifier: Apache-2.0
//
// Where a key is:
//   file:///home/a/key.pem                    a TSS2 PEM file
//   handle:0x81000001                         a persistent object of the TPM
// and after a question mark, joined by '&', percent-encoded where a URI wants it:
//   tcti=swtpm:path=/run/x                    the TPM, if not the default one
//   pcrs=sha256:7+11                          the PCRs of a persistent object's policy
//   auth=none                                 the key has no PIN, whatever its file says

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::tpm2_module {

struct Locator {
    std::string path;  // of the file; empty for a persistent object
    std::uint32_t handle = 0;
    std::string tcti;  // as Tss2_TctiLdr_Initialize() takes it; never empty
    std::string pcrs;
    bool without_pin = false;

    bool is_file() const { return !path.empty(); }
    // For messages.
    std::string what() const;
};

// kInvalidArgument, with the reason, for any other text.
base::Result<Locator> parse_locator(std::string_view uri);

// "device:/dev/tpmrm0", or what the environment variable ECRYPTFS_TPM2_TCTI says.
std::string default_tcti();

// "tpm2_TOOL --tcti … ARGUMENTS" for the TPM there, to be typed in a shell: for advice.
std::string tool_command(std::string_view tool, std::string_view tcti, std::string_view arguments);

// What a process needs to reach the TPM there: ECRYPTFS_PKI_NEEDS_…
std::uint32_t tcti_needs(std::string_view tcti);

// The URI of a persistent object in the default TPM.
std::string handle_uri(std::uint32_t handle);

}  // namespace ecryptfs::tpm2_module
