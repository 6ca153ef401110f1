// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gmock/gmock.h>

#include <optional>
#include <string>

#include "tests/contract/fails.h"
#include "tests/contract/loaded_module.h"
#include "tests/contract/new_key.h"
#include "tests/contract/software_tpm.h"

namespace ecryptfs::contract {

// A TPM of its own for each test.
class Tpm2ModuleTest : public testing::Test {
  protected:
    const ecryptfs_pki_module& module_ = load(ECRYPTFS_TPM2_SO);
    SoftwareTpm tpm_;

    // A key that works: what it wraps, it unwraps.
    void expect_usable(const TestKey& key) const {
        const OpenKey open(module_, key);
        EXPECT_EQ(open.decrypt(open.wrap(pattern(19))).bytes, pattern(19));
    }
    TestKey make(const std::optional<std::string>& pin = {},
                 const std::vector<std::pair<std::string, std::string>>& options = {}) const {
        return made(module_, {tpm_.locator("key.pem"), 2048, pin, options});
    }
    void extend_pcr(const std::string& pcr) const {
        tpm_.run(
            "tpm2_pcrextend",
            {pcr + ":sha256=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"});
    }
};

// TPM_CC_…
inline constexpr std::uint32_t kRsaDecrypt = 0x159;
inline constexpr std::uint32_t kContextLoad = 0x161;
inline constexpr std::uint32_t kFlush = 0x165;
inline constexpr std::uint32_t kPolicyPcr = 0x17f;
inline constexpr std::uint32_t kPolicyAuthValue = 0x16b;

}  // namespace ecryptfs::contract
