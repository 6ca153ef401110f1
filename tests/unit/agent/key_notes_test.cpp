// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_notes.h"

#include <fmt/format.h>

#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using test::copy;
using test::pattern;

wire::KeySignature signature(int number) {
    return base::value_or_throw(wire::KeySignature::from_text(fmt::format("{:016x}", number)));
}

class Notes : public ::testing::Test {
  protected:
    // As the next process finds them.
    KeyNotes notes() { return KeyNotes({{places_, used_}, locks_all_others_}); }

    std::array<KeyNote, 3> places_{};
    std::uint32_t used_ = 0;
    std::uint32_t locks_all_others_ = 0;
};

TEST_F(Notes, OfAnUnlockedKeyOutliveTheProcess) {
    const auto blob = pattern(100);
    const auto secret = pattern(20);
    EXPECT_TRUE(notes().write({signature(1), 7, false, false, blob, secret}));
    const auto later = notes().all();
    ASSERT_EQ(later.size(), 1U);
    EXPECT_EQ(later[0].signature, signature(1));
    EXPECT_EQ(later[0].serial, keyring::KeySerial{7});
    EXPECT_FALSE(later[0].in_user_keyring);
    EXPECT_FALSE(later[0].locked);
    EXPECT_EQ(copy(later[0].blob), blob);
    ASSERT_TRUE(later[0].secret);
    EXPECT_EQ(copy(*later[0].secret), secret);
}

TEST_F(Notes, OfALockedKeyLeaveNothingOfTheSecret) {
    const auto blob = pattern(100);
    const auto secret = pattern(20);
    EXPECT_TRUE(notes().write({signature(1), 7, true, false, blob, secret}));
    EXPECT_TRUE(notes().write({signature(1), 7, true, true, {}, {}}));
    const auto later = notes().all();
    ASSERT_EQ(later.size(), 1U);
    EXPECT_TRUE(later[0].locked);
    const auto memory = base::as_text(
        base::ByteView(reinterpret_cast<const std::uint8_t*>(places_.data()), sizeof(places_)));
    EXPECT_FALSE(memory.contains(base::as_text(secret)));
}

TEST_F(Notes, ThatHaveNoRoomForASecretLockNoOtherKey) {
    const auto blob = pattern(sizeof(KeyNote::bytes));
    EXPECT_FALSE(notes().write({signature(1), 7, true, false, blob, pattern(1)}));
    EXPECT_FALSE(notes().has(signature(1)));
    EXPECT_FALSE(notes().lock_all_others());
}

TEST_F(Notes, ThatHaveNoRoomForALockLockAllOtherKeys) {
    for (int i = 0; i < 2; ++i) {  // one place is for what takes another note's place
        EXPECT_TRUE(notes().write({signature(i), 7, true, false, {}, pattern(4)}));
    }
    EXPECT_TRUE(notes().write({signature(2), 7, true, true, {}, {}}));
    EXPECT_FALSE(notes().lock_all_others());
    EXPECT_FALSE(notes().write({signature(3), 7, true, true, {}, {}}));
    EXPECT_TRUE(notes().lock_all_others());
    notes().all_others_have_notes();
    EXPECT_FALSE(notes().lock_all_others());
}

TEST_F(Notes, ThatAreAllInUseStillTurnFromASecretToALock) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(notes().write({signature(i), 7, true, false, {}, pattern(4)}));
    }
    EXPECT_TRUE(notes().write({signature(1), 7, true, true, {}, {}}));
    EXPECT_FALSE(notes().lock_all_others());
    EXPECT_TRUE(notes().has(signature(1)));
}

}  // namespace
}  // namespace ecryptfs::agent
