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
TpmError classify_format_one(std::uint32_t code) {
    constexpr std::uint32_t kSubjectMask = TPM2_RC_N_MASK | TPM2_RC_P;
    const bool about_handle_or_session = (code & TPM2_RC_P) == 0 && (code & TPM2_RC_N_MASK) != 0;
    // Some TPMs name the parameter, others do not.
    const bool about_first_parameter =
        (code & kSubjectMask) == TPM2_RC_P + TPM2_RC_1 || (code & kSubjectMask) == 0;
    switch (code & ~kSubjectMask) {
        case TPM2_RC_AUTH_FAIL:
        case TPM2_RC_BAD_AUTH:
            return TpmError::kWrongSecret;
        case TPM2_RC_POLICY_FAIL:
            return TpmError::kPolicy;
        case TPM2_RC_NONCE:
        case TPM2_RC_HANDLE:
            return TpmError::kLost;
        case TPM2_RC_VALUE:
            if (about_handle_or_session) {
                return TpmError::kLost;  // a stale handle
            }
            break;
        case TPM2_RC_INTEGRITY:
            return TpmError::kForeign;
        default:
            break;
    }
    return about_first_parameter ? TpmError::kBadInput : TpmError::kOther;
}

TpmError classify_tpm_code(std::uint32_t code) {
    if ((code & TPM2_RC_FMT1) != 0) {
        return classify_format_one(code);
    }
    if (code >= TPM2_RC_REFERENCE_H0 && code <= TPM2_RC_REFERENCE_S6) {
        return TpmError::kLost;
    }
    switch (code) {
        case TPM2_RC_INITIALIZE:
            return TpmError::kLost;
        case TPM2_RC_LOCKOUT:
            return TpmError::kLockedOut;
        case TPM2_RC_OBJECT_MEMORY:
        case TPM2_RC_SESSION_MEMORY:
        case TPM2_RC_MEMORY:
        case TPM2_RC_SESSION_HANDLES:
        case TPM2_RC_OBJECT_HANDLES:
            return TpmError::kNoRoom;
        case TPM2_RC_PCR_CHANGED:
            return TpmError::kPcrChanged;
        default:
            return TpmError::kOther;
    }
}

bool comes_from_tpm(std::uint32_t code) {
    const std::uint32_t layer = code & TSS2_RC_LAYER_MASK;
    // The kernel's resource manager answers for the TPM with the layer of a resource manager.
    return layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_RC_LAYER ||
           layer == TSS2_RESMGR_TPM_RC_LAYER;
}

}  // namespace

TpmError classify_code(std::uint32_t code) {
    if (comes_from_tpm(code)) {
        return classify_tpm_code(code & ~TSS2_RC_LAYER_MASK);
    }
    // The libraries themselves report a broken connection, an unreadable answer, or a key or
    // session that they have forgotten.
    const bool out_of_memory = (code & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY;
    return out_of_memory ? TpmError::kOther : TpmError::kLost;
}

TpmFailure::TpmFailure(std::string_view call, std::uint32_t code)
    : base::Failure({base::ErrorCode::kInternal,
                     fmt::format("{}: {} (0x{:x})", call, ::Tss2_RC_Decode(code), code)}),
      kind_(classify_code(code)),
      code_(code) {}

}  // namespace ecryptfs::tpm2_module
