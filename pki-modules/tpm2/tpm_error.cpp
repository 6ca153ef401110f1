// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm_error.h"

#include <fmt/format.h>
#include <tss2/tss2_common.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tpm2_types.h>

namespace ecryptfs::tpm2_module {
namespace {

// Part 2 of the TPM 2.0 library specification, 6.6: with bit 7 set, a code carries the number of
// the handle, session or parameter that it is about, and bit 6 says that it is a parameter.
TpmTrouble trouble_of_format_one(std::uint32_t code) {
    constexpr std::uint32_t kAboutWhat = TPM2_RC_N_MASK | TPM2_RC_P;
    const bool about_handle_or_session = (code & TPM2_RC_P) == 0 && (code & TPM2_RC_N_MASK) != 0;
    // Which TPMs name the parameter and which say nothing differs.
    const bool about_first_parameter =
        (code & kAboutWhat) == TPM2_RC_P + TPM2_RC_1 || (code & kAboutWhat) == 0;
    switch (code & ~kAboutWhat) {
        case TPM2_RC_AUTH_FAIL:
        case TPM2_RC_BAD_AUTH:
            return TpmTrouble::kWrongSecret;
        case TPM2_RC_POLICY_FAIL:
            return TpmTrouble::kPolicy;
        case TPM2_RC_NONCE:
        case TPM2_RC_HANDLE:
            return TpmTrouble::kLost;
        case TPM2_RC_VALUE:
            if (about_handle_or_session) {
                return TpmTrouble::kLost;  // a handle that stands for nothing any more
            }
            break;
        case TPM2_RC_INTEGRITY:
            return TpmTrouble::kForeign;
        default:
            break;
    }
    return about_first_parameter ? TpmTrouble::kBadInput : TpmTrouble::kOther;
}

TpmTrouble trouble_of_tpm(std::uint32_t code) {
    if ((code & TPM2_RC_FMT1) != 0) {
        return trouble_of_format_one(code);
    }
    if (code >= TPM2_RC_REFERENCE_H0 && code <= TPM2_RC_REFERENCE_S6) {
        return TpmTrouble::kLost;
    }
    switch (code) {
        case TPM2_RC_INITIALIZE:
            return TpmTrouble::kLost;
        case TPM2_RC_LOCKOUT:
            return TpmTrouble::kLockedOut;
        case TPM2_RC_OBJECT_MEMORY:
        case TPM2_RC_SESSION_MEMORY:
        case TPM2_RC_MEMORY:
        case TPM2_RC_SESSION_HANDLES:
        case TPM2_RC_OBJECT_HANDLES:
            return TpmTrouble::kNoRoom;
        case TPM2_RC_PCR_CHANGED:
            return TpmTrouble::kPcrChanged;
        default:
            return TpmTrouble::kOther;
    }
}

bool comes_from_tpm(std::uint32_t code) {
    const std::uint32_t layer = code & TSS2_RC_LAYER_MASK;
    // The kernel's resource manager answers for the TPM with the layer of a resource manager.
    return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_RC_LAYER ||
           layer == TSS2_RESMGR_TPM_RC_LAYER;
}

}  // namespace

TpmTrouble trouble_of(std::uint32_t code) {
    if (comes_from_tpm(code)) {
        return trouble_of_tpm(code & ~TSS2_RC_LAYER_MASK);
    }
    // What the libraries themselves report is a connection that broke, an answer that nobody can
    // read, or a key or session that they do not know any more.
    const bool out_of_memory = (code & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY;
    return out_of_memory ? TpmTrouble::kOther : TpmTrouble::kLost;
}

TpmFailure::TpmFailure(std::string_view call, std::uint32_t code)
    : base::Failure({base::ErrorCode::kInternal,
                     fmt::format("{}: {} (0x{:x})", call, ::Tss2_RC_Decode(code), code)}),
      trouble_(trouble_of(code)),
      code_(code) {}

}  // namespace ecryptfs::tpm2_module
