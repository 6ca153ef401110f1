// SPDX-License-Identifier: Apache-2.0
//
// Policies that bind a key to the values of PCRs. Pure: what the TPM says comes in as values.

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

// One command of a policy that we can carry out.
struct PolicyStep {
    enum class Kind { kPcrs, kAuthValue };
    Kind kind = Kind::kPcrs;
    Bytes selection = {};  // TPML_PCR_SELECTION
    Bytes digest = {};     // of the PCRs' values; empty: as they are when the key is used
};
using Policy = std::vector<PolicyStep>;

bool asks_for_pin(const Policy& policy);

// "sha256", for messages also of hashes that we do not know.
std::string hash_text(std::uint16_t hash);
// In bytes: the most that a PIN of a key with this name hash can have.
std::size_t hash_size(std::uint16_t hash);

// "sha256:7+11", several banks joined by commas. kInvalidArgument.
base::Result<PcrSelection> parse_pcr_selection(std::string_view text);
std::string to_text(const PcrSelection& selection);

// Between our form, the TPM's bytes and tpm2-tss's. Throw on bytes that are no selection.
Bytes marshal(const PcrSelection& selection);
void unmarshal(base::ByteView bytes, TPML_PCR_SELECTION& to);
PcrSelection unmarshal_selection(base::ByteView bytes);

// The steps of a key file's policy. kNotSupported names a command that we cannot carry out.
base::Result<Policy> parse_steps(const std::vector<PolicyCommand>& commands,
                                 const std::string& what);
std::vector<PolicyCommand> policy_commands(const Policy& policy);

// What TPM2_PolicyPCR compares: the hash of the values in order.
Bytes values_digest(const std::vector<PcrValue>& values, std::uint16_t hash);
// What stands in the public area of a key with this policy. All digests of `policy` are known.
Bytes policy_digest(const Policy& policy, std::uint16_t hash);

// Lines for a key file that say what the PCRs were when the key was made.
std::vector<std::string> pcr_note_lines(const std::vector<PcrValue>& values);
// Which of the PCRs are not as the lines of the key file say: "sha256:7, sha256:11". Empty if the
// lines are not about `step`, whose digest they must give.
std::string changed_pcrs(const std::vector<std::string>& lines, const PolicyStep& step,
                         std::uint16_t hash, const std::vector<PcrValue>& now);

}  // namespace ecryptfs::tpm2_module
