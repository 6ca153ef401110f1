// SPDX-License-Identifier: Apache-2.0
//
// Reads the key that a locator names, from its file or from the TPM, before its first use.

#include <fmt/format.h>

#include "lib/base/try.h"
#include "pki-modules/common/key_file.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/tpm2/key_file.h"
#include "pki-modules/tpm2/private_half.h"
#include "pki-modules/tpm2/tpm_error.h"
#include "pki-modules/tpm2/tpm_state.h"

namespace ecryptfs::tpm2_module {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

Result<FoundKey> find_in_file(const Locator& locator) {
    const auto read = TRY(module::read_key_file(locator.path, "this key, which has no PIN"));
    auto file = TRY(parse_key_file(base::as_text(read.contents.view()), locator.path));
    auto area = TRY(read_public_area(file.public_area, locator.what()));
    auto policy = TRY(parse_steps(file.policy, locator.what()));
    FoundKey found;
    found.area = std::move(area);
    found.exposure = read.exposure.value_or("");
    found.in_tpm.parent = file.parent;
    found.in_tpm.parent_type = file.rsa_parent ? PrimaryType::kRsa : PrimaryType::kEcc;
    found.in_tpm.public_area = std::move(file.public_area);
    found.in_tpm.private_area = std::move(file.private_area);
    found.in_tpm.policy = std::move(policy);
    found.in_tpm.pcr_lines = std::move(file.pcr_lines);
    return found;
}

Result<FoundKey> find_in_tpm(const Locator& locator) {
    Bytes area;
    try {
        Tpm::find_or_create(locator.tcti)->with_connection([&](TpmConnection& connection) {
            area = read_public(connection.esys(),
                               persistent_object(connection.esys(), locator.handle));
        });
    } catch (const TpmFailure& failure) {
        if (failure.kind() != TpmError::kLost) {
            throw;
        }
        return std::unexpected(
            Error{ErrorCode::kNotFound,
                  fmt::format("the TPM has no persistent object at 0x{:08x}", locator.handle),
                  fmt::format("see which there are: {}",
                              tool_command("getcap", locator.tcti, "handles-persistent"))});
    }
    auto read = TRY(read_public_area(area, locator.what()));
    FoundKey found;
    found.area = std::move(read);
    found.in_tpm.handle = locator.handle;
    return found;
}

// Takes the PCRs as they are now, with a PIN and without: one of the two must be the key's policy.
Result<void> settle_policy_by_pcrs(const Locator& locator, FoundKey& found) {
    KeyInTpm& key = found.in_tpm;
    const auto selection = TRY(parse_pcr_selection(locator.pcrs));
    std::vector<PcrValue> values;
    Tpm::find_or_create(locator.tcti)->with_connection([&](TpmConnection& connection) {
        values = read_pcrs(connection.esys(), selection);
    });
    Policy policy{
        {PolicyStep::Kind::kPcrs, marshal(selection), values_digest(values, key.name_hash)}};
    for (const bool with_pin : {false, true}) {
        if (with_pin) {
            policy.push_back({PolicyStep::Kind::kAuthValue});
        }
        if (policy_digest(policy, key.name_hash) == found.area.policy) {
            key.policy = policy;
            key.pcr_lines = pcr_note_lines(values);
            return {};
        }
    }
    return std::unexpected(Error{
        ErrorCode::kAccessDenied,
        fmt::format("{} is not bound to the PCRs {} as they are now", key.what, to_text(selection)),
        "name the PCRs that it is bound to; or start the system as it was when the key was "
        "made"});
}

}  // namespace

Result<FoundKey> find_key(const Locator& locator) {
    auto found = locator.is_file() ? find_in_file(locator) : find_in_tpm(locator);
    if (found) {
        found->in_tpm.what = locator.what();
        found->in_tpm.name_hash = found->area.name_hash;
        found->in_tpm.fixed_scheme = found->area.fixed_scheme;
    }
    return found;
}

Result<void> settle_policy(const Locator& locator, FoundKey& found) {
    KeyInTpm& key = found.in_tpm;
    if (!locator.pcrs.empty()) {
        return settle_policy_by_pcrs(locator, found);
    }
    if (!key.policy.empty()) {
        if (policy_digest(key.policy, key.name_hash) != found.area.policy) {
            return std::unexpected(
                Error{ErrorCode::kInvalidKey,
                      fmt::format("the policy that {} comes with is not that of the key", key.what),
                      "restore the file from a backup"});
        }
        return {};
    }
    if (!found.area.user_with_auth) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported,
                  fmt::format("{} has a policy, and nothing says which", key.what),
                  "if it is bound to PCRs, add them to its URI, as ?pcrs=sha256:7+11"});
    }
    return {};
}

}  // namespace ecryptfs::tpm2_module
