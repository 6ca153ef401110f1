// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm_state.h"

#include <fmt/format.h>
#include <tss2/tss2_esys.h>

#include <algorithm>
#include <optional>

#include "lib/base/verb_advice.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/public_area.h"
#include "pki-modules/tpm2/tpm_error.h"

namespace ecryptfs::tpm2_module {
namespace {

EsysPtr<TPMS_CAPABILITY_DATA> capability(const Esys& esys, TPM2_CAP kind, std::uint32_t first,
                                         std::uint32_t count) {
    TPMS_CAPABILITY_DATA* data = nullptr;
    TPMI_YES_NO more = 0;
    check_tss("Esys_GetCapability",
              ::Esys_GetCapability(esys.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, kind,
                                   first, count, &more, &data));
    return EsysPtr<TPMS_CAPABILITY_DATA>(data);
}

// As many of the wanted PCRs as the TPM gives in one answer: at most eight.
std::vector<PcrValue> read_some_pcrs(const Esys& esys, const PcrBank& wanted) {
    TPML_PCR_SELECTION selection = {};
    unmarshal(marshal(PcrSelection{wanted}), selection);
    std::uint32_t counter = 0;
    TPML_PCR_SELECTION* read = nullptr;
    TPML_DIGEST* values = nullptr;
    const auto code = ::Esys_PCR_Read(esys.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                      &selection, &counter, &read, &values);
    if (code != TSS2_RC_SUCCESS && classify_code(code) == TpmError::kBadInput) {
        return {};  // no such bank
    }
    check_tss("Esys_PCR_Read", code);
    const EsysPtr<TPML_PCR_SELECTION> read_owner(read);
    const EsysPtr<TPML_DIGEST> values_owner(values);
    std::vector<PcrValue> result;
    if (read->count != 1) {
        return result;
    }
    for (const unsigned number : wanted.numbers) {
        const bool is_read = (read->pcrSelections[0].pcrSelect[number / 8] >> number % 8 & 1) != 0;
        if (is_read && result.size() < values->count) {
            const TPM2B_DIGEST& value = values->digests[result.size()];
            result.push_back({wanted.hash, number, {value.buffer, value.buffer + value.size}});
        }
    }
    return result;
}

std::vector<PcrValue> read_bank(const Esys& esys, const PcrBank& bank) {
    std::vector<PcrValue> values;
    PcrBank wanted = bank;
    while (!wanted.numbers.empty()) {
        auto some = read_some_pcrs(esys, wanted);
        if (some.empty()) {
            throw base::Failure({base::ErrorCode::kNotSupported,
                                 fmt::format("the TPM has no PCRs {}", to_text({wanted})),
                                 base::pcr_bank_advice()});
        }
        std::erase_if(wanted.numbers, [&](unsigned number) {
            return std::ranges::find(some, number, &PcrValue::number) != some.end();
        });
        std::ranges::move(some, std::back_inserter(values));
    }
    return values;
}

std::string duration(std::uint32_t seconds) {
    constexpr std::uint32_t kMinute = 60;
    return seconds < 2 * kMinute ? fmt::format("{} seconds", seconds)
                                 : fmt::format("{} minutes", (seconds + kMinute - 1) / kMinute);
}

}  // namespace

std::uint32_t property(const Esys& esys, std::uint32_t tag) {
    const auto data = capability(esys, TPM2_CAP_TPM_PROPERTIES, tag, 1);
    const auto& list = data->data.tpmProperties;
    return list.count == 1 && list.tpmProperty[0].property == tag ? list.tpmProperty[0].value : 0;
}

std::vector<PcrValue> read_pcrs(const Esys& esys, const PcrSelection& selection) {
    std::vector<PcrValue> values;
    for (const PcrBank& bank : selection) {
        std::ranges::move(read_bank(esys, bank), std::back_inserter(values));
    }
    return values;
}

PcrSelection pcr_banks(const Esys& esys) {
    const auto data = capability(esys, TPM2_CAP_PCRS, 0, 1);
    auto banks = read_selection(data->data.assignedPCR);
    std::erase_if(banks, [](const PcrBank& bank) { return bank.numbers.empty(); });
    return banks;
}

std::vector<std::uint32_t> persistent_handles(const Esys& esys) {
    const auto data =
        capability(esys, TPM2_CAP_HANDLES, TPM2_PERSISTENT_FIRST, TPM2_MAX_CAP_HANDLES);
    const auto& list = data->data.handles;
    return {list.handle, list.handle + list.count};
}

Bytes read_public(const Esys& esys, const TpmObject& object) {
    TPM2B_PUBLIC* area = nullptr;
    check_tss("Esys_ReadPublic",
              ::Esys_ReadPublic(esys.get(), object.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                &area, nullptr, nullptr));
    const EsysPtr<TPM2B_PUBLIC> owner(area);
    return marshal(*area);
}

bool supports_rsa_bits(const Esys& esys, std::uint16_t bits) {
    TPMT_PUBLIC_PARMS wanted = {};
    wanted.type = TPM2_ALG_RSA;
    wanted.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
    wanted.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
    wanted.parameters.rsaDetail.keyBits = bits;
    const auto code =
        ::Esys_TestParms(esys.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted);
    if (code != TSS2_RC_SUCCESS && classify_code(code) == TpmError::kLost) {
        check_tss("Esys_TestParms", code);
    }
    return code == TSS2_RC_SUCCESS;
}

base::Error locked_out(const Esys& esys) {
    const auto counter = property(esys, TPM2_PT_LOCKOUT_COUNTER);
    const auto interval = property(esys, TPM2_PT_LOCKOUT_INTERVAL);
    const std::string wait =
        interval == 0 ? "it waits for its administrator"
                      : fmt::format("wait up to {} for one more try", duration(interval));
    return {
        base::ErrorCode::kSecretLockedOut,
        fmt::format("the TPM takes no PIN for now: {} were wrong; {}", counter, wait),
        fmt::format("or reset the count, with --auth PASSWORD if there is a lockout password: {}",
                    tool_command("dictionarylockout", esys.tcti(), "--clear-lockout"))};
}

}  // namespace ecryptfs::tpm2_module
