// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm_objects.h"

#include <fmt/format.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>

#include "pki-modules/common/module_edge.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/tpm_error.h"

namespace ecryptfs::tpm2_module {
namespace {

constexpr TPMA_OBJECT kStorageKey = TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED |
                                    TPMA_OBJECT_DECRYPT | TPMA_OBJECT_NODA | TPMA_OBJECT_FIXEDTPM |
                                    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN;

// draft-bottomley-tpm2-keys, 3.1.8. Any difference makes another key.
TPM2B_PUBLIC storage_template(PrimaryType type) {
    TPM2B_PUBLIC area = {};
    TPMT_PUBLIC& key = area.publicArea;
    key.nameAlg = TPM2_ALG_SHA256;
    key.objectAttributes = kStorageKey;
    TPMT_SYM_DEF_OBJECT cipher = {};
    cipher.algorithm = TPM2_ALG_AES;
    cipher.keyBits.aes = 128;
    cipher.mode.aes = TPM2_ALG_CFB;
    if (type == PrimaryType::kEcc) {
        key.type = TPM2_ALG_ECC;
        key.parameters.eccDetail.symmetric = cipher;
        key.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
        key.parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
        key.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    } else {
        key.type = TPM2_ALG_RSA;
        key.parameters.rsaDetail.symmetric = cipher;
        key.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
        key.parameters.rsaDetail.keyBits = 2048;
    }
    return area;
}

ESYS_TR hierarchy_object(std::uint32_t hierarchy) {
    switch (hierarchy) {
        case TPM2_RH_OWNER:
            return ESYS_TR_RH_OWNER;
        case TPM2_RH_NULL:
            return ESYS_TR_RH_NULL;
        case TPM2_RH_ENDORSEMENT:
            return ESYS_TR_RH_ENDORSEMENT;
        case TPM2_RH_PLATFORM:
            return ESYS_TR_RH_PLATFORM;
        default:
            throw base::Failure({base::ErrorCode::kInvalidKey,
                                 fmt::format("0x{:08x} is no parent of a key", hierarchy),
                                 "restore the key file from a backup"});
    }
}

}  // namespace

TpmObject create_primary(const Esys& esys, std::uint32_t hierarchy, PrimaryType type) {
    const TPM2B_SENSITIVE_CREATE sensitive = {};
    const TPM2B_PUBLIC area = storage_template(type);
    const TPM2B_DATA outside = {};
    const TPML_PCR_SELECTION pcrs = {};
    ESYS_TR object = ESYS_TR_NONE;
    const auto code = ::Esys_CreatePrimary(
        esys.get(), hierarchy_object(hierarchy), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
        &sensitive, &area, &outside, &pcrs, &object, nullptr, nullptr, nullptr, nullptr);
    if (code != TSS2_RC_SUCCESS && classify_code(code) == TpmError::kWrongSecret) {
        throw TpmFailure(
            {base::ErrorCode::kAccessDenied, "the TPM's owner hierarchy has a password",
             fmt::format("use a key below a persistent parent, or remove the password: {}",
                         tool_command("changeauth", esys.tcti(),
                                      "--object-context owner --object-auth PASSWORD"))},
            TpmError::kPolicy);
    }
    check_tss("Esys_CreatePrimary", code);
    return {esys, object};
}

bool is_persistent(std::uint32_t handle) {
    return handle >> TPM2_HR_SHIFT == TPM2_HT_PERSISTENT;
}

TpmObject persistent_object(const Esys& esys, std::uint32_t handle) {
    ESYS_TR object = ESYS_TR_NONE;
    check_tss("Esys_TR_FromTPMPublic",
              ::Esys_TR_FromTPMPublic(esys.get(), handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &object));
    return {esys, object, TpmObject::Kind::kPersistent};
}

TpmObject start_session(const Esys& esys, const TpmObject& salt_key, SessionType type,
                        std::uint16_t hash, Encrypted encrypted) {
    TPMT_SYM_DEF cipher = {};
    cipher.algorithm = TPM2_ALG_AES;
    cipher.keyBits.aes = 128;
    cipher.mode.aes = TPM2_ALG_CFB;
    const TPM2_SE session_type = type == SessionType::kHmac ? TPM2_SE_HMAC : TPM2_SE_POLICY;
    ESYS_TR session = ESYS_TR_NONE;
    check_tss("Esys_StartAuthSession",
              ::Esys_StartAuthSession(esys.get(), salt_key.get(), ESYS_TR_NONE, ESYS_TR_NONE,
                                      ESYS_TR_NONE, ESYS_TR_NONE, nullptr, session_type, &cipher,
                                      hash, &session));
    TpmObject owner(esys, session);
    const TPMA_SESSION attributes =
        TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_ENCRYPT |
        (encrypted == Encrypted::kBothWays ? TPMA_SESSION_DECRYPT : TPMA_SESSION{});
    check_tss("Esys_TRSess_SetAttributes",
              ::Esys_TRSess_SetAttributes(esys.get(), session, attributes, attributes));
    return owner;
}

TpmObject load_key(const Esys& esys, const TpmObject& parent, const TpmObject& session,
                   base::ByteView public_area, base::ByteView private_area) {
    TPM2B_PUBLIC public_half = {};
    TPM2B_PRIVATE private_half = {};
    std::size_t used = 0;
    check_tss("Tss2_MU_TPM2B_PUBLIC_Unmarshal",
              ::Tss2_MU_TPM2B_PUBLIC_Unmarshal(public_area.data(), public_area.size(), &used,
                                               &public_half));
    used = 0;
    if (::Tss2_MU_TPM2B_PRIVATE_Unmarshal(private_area.data(), private_area.size(), &used,
                                          &private_half) != TSS2_RC_SUCCESS) {
        throw TpmFailure({base::ErrorCode::kInvalidKey, "the private part is damaged"},
                         TpmError::kForeign);
    }
    ESYS_TR object = ESYS_TR_NONE;
    check_tss("Esys_Load", ::Esys_Load(esys.get(), parent.get(), session.get(), ESYS_TR_NONE,
                                       ESYS_TR_NONE, &private_half, &public_half, &object));
    return {esys, object};
}

EsysPtr<TPMS_CONTEXT> save_context(const Esys& esys, const TpmObject& key) {
    TPMS_CONTEXT* context = nullptr;
    check_tss("Esys_ContextSave", ::Esys_ContextSave(esys.get(), key.get(), &context));
    return EsysPtr<TPMS_CONTEXT>(context);
}

TpmObject load_context(const Esys& esys, const TPMS_CONTEXT& context) {
    ESYS_TR object = ESYS_TR_NONE;
    check_tss("Esys_ContextLoad", ::Esys_ContextLoad(esys.get(), &context, &object));
    return {esys, object};
}

base::ByteView without_trailing_zeros(base::ByteView auth_value) {
    while (!auth_value.empty() && auth_value.back() == 0) {
        auth_value = auth_value.first(auth_value.size() - 1);
    }
    return auth_value;
}

AuthScope::AuthScope(const Esys& esys, const TpmObject& key, const TpmObject& session,
                     base::ByteView value)
    : context_(esys.get()),
      key_(key.get()),
      session_(session.get()),
      size_(std::min(without_trailing_zeros(value).size(), sizeof TPM2B_AUTH{}.buffer)) {
    TPM2B_AUTH auth = {};
    auth.size = static_cast<UINT16>(size_);
    std::copy_n(value.begin(), size_, auth.buffer);
    const auto code = ::Esys_TR_SetAuth(context_, key_, &auth);
    ::explicit_bzero(&auth, sizeof auth);
    check_tss("Esys_TR_SetAuth", code);
}

// ESYS appends the value to the session's key when it begins a command. Here the value is zeros,
// and the command has the same session twice, so that ESYS fails before it sends it.
AuthScope::~AuthScope() {
    TPM2B_AUTH zeros = {};
    zeros.size = static_cast<UINT16>(size_);
    static_cast<void>(::Esys_TR_SetAuth(context_, key_, &zeros));
    if (size_ == 0) {
        return;
    }
    TPM2B_PUBLIC_KEY_RSA in = {};
    in.size = 1;
    TPMT_RSA_DECRYPT scheme = {};
    scheme.scheme = TPM2_ALG_NULL;
    const TPM2B_DATA label = {};
    if (::Esys_RSA_Decrypt_Async(context_, key_, session_, session_, ESYS_TR_NONE, &in, &scheme,
                                 &label) == TSS2_RC_SUCCESS) {
        // Another version of ESYS did send it. The TPM refuses it for the same reason.
        TPM2B_PUBLIC_KEY_RSA* nothing = nullptr;
        static_cast<void>(::Esys_RSA_Decrypt_Finish(context_, &nothing));
        ::Esys_Free(nothing);
    }
}

}  // namespace ecryptfs::tpm2_module
