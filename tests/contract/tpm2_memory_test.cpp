// SPDX-License-Identifier: Apache-2.0
//
// What the module tpm2 leaves in memory.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "tests/contract/careful_caller.h"
#include "tests/contract/tpm2_test.h"

namespace ecryptfs::contract {
namespace {

using testing::IsEmpty;

// Spells a PIN in no memory that can be written.
const Needle& pin() {
    static const Needle needle =
        Needle::from_masked("the PIN", base::as_bytes("95((?9.z25()?z).;*6?"));
    return needle;
}

class Tpm2MemoryTest : public Tpm2ModuleTest {
  protected:
    CarefulCaller caller_{ECRYPTFS_TPM2_SO};
};

TEST_F(Tpm2MemoryTest, PinIsLockedInMemoryWhileKeyIsOpen) {
    const std::string locator = caller_.generate(tpm_.locator("key.pem"), &pin());
    EXPECT_THAT(find_in_memory({pin()}), IsEmpty()) << "after generate()";
    caller_.open(locator, pin());
    static_cast<void>(caller_.use());
    const auto is_safe = testing::AllOf(testing::Field("locked", &Hit::locked, true),
                                        testing::Field("dumped", &Hit::dumped, false));
    const auto hits = find_in_memory({pin()});
    EXPECT_THAT(hits, testing::Not(IsEmpty())) << "the search finds nothing";
    if (std::string_view(ECRYPTFS_TSS2_VERSION) < "4") {  // later ones have copies of their own
        EXPECT_THAT(hits, testing::Each(is_safe));
    }
    caller_.close();
    EXPECT_THAT(find_in_memory({pin()}), IsEmpty());
}

TEST_F(Tpm2MemoryTest, FileKeyLeavesNoTrace) {
    caller_.open(caller_.generate(tpm_.locator("key.pem"), &pin()), pin());
    const Needle file_key = caller_.use();
    EXPECT_THAT(find_in_memory({file_key}), IsEmpty());
    caller_.close();
    EXPECT_THAT(find_in_memory({file_key}), IsEmpty());
}

}  // namespace
}  // namespace ecryptfs::contract
