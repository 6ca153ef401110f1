// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdlib>

#include "pki-modules/tpm2/key_file.h"
#include "pki-modules/tpm2/pcr_policy.h"
#include "pki-modules/tpm2/public_area.h"
#include "tests/fuzz/check.h"

namespace {

using namespace ecryptfs;
using tpm2_module::KeyFile;

// The library says much on stderr of what it cannot read.
[[maybe_unused]] const int kQuiet = ::setenv("TSS2_LOG", "all+none", 1);

void require_refused_well(const base::Error& error) {
    fuzz::require(
        error.code == base::ErrorCode::kInvalidKey || error.code == base::ErrorCode::kNotSupported,
        "the file is refused for what it is");
    fuzz::require(!error.message.empty() && !error.advice.empty(), "the user is told why");
}

bool same(const KeyFile& left, const KeyFile& right) {
    const auto same_command = [](const auto& one, const auto& other) {
        return one.code == other.code && one.parameters == other.parameters;
    };
    return left.empty_auth == right.empty_auth && left.rsa_parent == right.rsa_parent &&
           left.parent == right.parent && left.public_area == right.public_area &&
           left.private_area == right.private_area && left.pcr_lines == right.pcr_lines &&
           std::ranges::equal(left.policy, right.policy, same_command);
}

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto key = tpm2_module::parse_key_file(base::as_text(input), "key.pem");
    if (!key) {
        require_refused_well(key.error());
        return;
    }
    const auto again = tpm2_module::parse_key_file(tpm2_module::to_pem(*key), "key.pem");
    require(again.has_value() && same(*again, *key), "what was parsed can be written and read");
    const auto area = tpm2_module::read_public_area(key->public_area, "the key");
    if (!area) {
        require_refused_well(area.error());
    }
    const auto policy = tpm2_module::parse_steps(key->policy, "the key");
    if (!policy) {
        require_refused_well(policy.error());
        return;
    }
    constexpr std::uint16_t kSha256 = 0x000b;
    require(tpm2_module::policy_digest(*policy, kSha256).size() == 32, "a policy has a digest");
    for (const auto& step : *policy) {
        if (step.kind == tpm2_module::PolicyStep::Kind::kPcrs) {
            static_cast<void>(
                tpm2_module::to_text(tpm2_module::unmarshal_selection(step.selection)));
        }
    }
}
