// SPDX-License-Identifier: Apache-2.0
//
// Policies that bind a key to the values of PCRs. Pure: no TPM is asked.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/tpm2/der.h"
#include "pki-modules/tpm2/key_file.h"

struct TPML_PCR_SELECTION;  // NOLINT(readability-identifier-naming): tpm2-tss's name

namespace ecryptfs::tpm2_module {

// PCRs of one bank, ascending.
struct PcrBank {
    std::uint16_t hash = 0;  // TPM_ALG_ID
    std::vector<unsigned> numbers;
};
using PcrSelection = std::vector<PcrBank>;

struct PcrValue {
    std::uint16_t hash = 0;
    unsigned number = 0;
    Bytes value;
};

// One command of a policy that we can execute.
struct PolicyStep {
    enum class Kind { kPcrs, kAuthValue };
    Kind kind = Kind::kPcrs;
    Bytes selection = {};  // TPML_PCR_SELECTION
    Bytes digest = {};     // of the PCRs' values; empty: their values when the key is used
};
using Policy = std::vector<PolicyStep>;

bool asks_for_pin(const Policy& policy);

// "sha256"; a hexadecimal number for a hash that we do not know.
std::string hash_text(std::uint16_t hash);
// In bytes. A PIN of a key with this name hash cannot be longer.
std::size_t hash_size(std::uint16_t hash);

// "sha256:7+11", several banks joined by commas. kInvalidArgument.
base::Result<PcrSelection> parse_pcr_selection(std::string_view text);
std::string to_text(const PcrSelection& selection);

// Convert between our form, the TPM's bytes and tpm2-tss's form. Throw on bytes that are no
// selection.
Bytes marshal(const PcrSelection& selection);
void unmarshal(base::ByteView bytes, TPML_PCR_SELECTION& to);
PcrSelection read_selection(const TPML_PCR_SELECTION& list);
PcrSelection unmarshal_selection(base::ByteView bytes);

// The steps of a key file's policy. kNotSupported, by name, for a command that we cannot execute.
base::Result<Policy> parse_steps(const std::vector<PolicyCommand>& commands,
                                 const std::string& what);
std::vector<PolicyCommand> policy_commands(const Policy& policy);

// TPM2_PolicyPCR compares this: the hash of the values in order.
Bytes values_digest(const std::vector<PcrValue>& values, std::uint16_t hash);
// The digest in the public area of a key with this policy. No step of `policy` has an empty digest.
Bytes policy_digest(const Policy& policy, std::uint16_t hash);

// Lines for a key file that note the PCRs' values when the key was made.
std::vector<std::string> pcr_note_lines(const std::vector<PcrValue>& values);
// The PCRs whose values differ from the notes in the key file: "sha256:7, sha256:11". Empty if the
// notes do not belong to `step`: their digest must be the step's.
std::string changed_pcrs(const std::vector<std::string>& lines, const PolicyStep& step,
                         std::uint16_t hash, const std::vector<PcrValue>& now);

}  // namespace ecryptfs::tpm2_module
