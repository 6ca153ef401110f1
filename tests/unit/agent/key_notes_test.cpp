// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_notes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tests/unit/agent/keys_support.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using test::copy;
using test::pattern;
using test::signature;

class KeyNotesTest : public ::testing::Test {
  protected:
    // As the next process finds them.
    KeyNotes notes() { return KeyNotes({{places_, used_}, locks_all_others_}); }

    std::string_view memory() const {
        return {reinterpret_cast<const char*>(places_.data()), sizeof(places_)};
    }

    std::array<KeyNote, 3> places_{};
    std::uint32_t used_ = 0;
    std::uint32_t locks_all_others_ = 0;
};

TEST_F(KeyNotesTest, SecretOutlivesTheProcess) {
    const auto blob = pattern(100);
    const auto secret = pattern(20);
    EXPECT_TRUE(notes().write({signature(1), {7}, false, false, blob, secret}));
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

TEST_F(KeyNotesTest, LockLeavesNothingOfTheSecret) {
    const auto blob = pattern(100);
    const auto secret = pattern(20);
    EXPECT_TRUE(notes().write({signature(1), {7}, true, false, blob, secret}));
    EXPECT_TRUE(notes().write({signature(1), {7}, true, true, {}, {}}));
    const auto later = notes().all();
    ASSERT_EQ(later.size(), 1U);
    EXPECT_TRUE(later[0].locked);
    EXPECT_FALSE(memory().contains(base::as_text(secret)));
}

TEST_F(KeyNotesTest, SecretWithoutRoomLocksNoOtherKey) {
    const auto blob = pattern(sizeof(KeyNote::bytes));
    EXPECT_FALSE(notes().write({signature(1), {7}, true, false, blob, pattern(1)}));
    EXPECT_FALSE(notes().has(signature(1)));
    EXPECT_FALSE(notes().locks_all_others());
}

TEST_F(KeyNotesTest, LockWithoutRoomLocksAllOtherKeys) {
    for (int i = 0; i < 2; ++i) {  // one place is for what takes another note's place
        EXPECT_TRUE(notes().write({signature(i), {7}, true, false, {}, pattern(4)}));
    }
    EXPECT_TRUE(notes().write({signature(2), {7}, true, true, {}, {}}));
    EXPECT_FALSE(notes().locks_all_others());
    EXPECT_FALSE(notes().write({signature(3), {7}, true, true, {}, {}}));
    EXPECT_TRUE(notes().locks_all_others());
    notes().stop_locking_others();
    EXPECT_FALSE(notes().locks_all_others());
}

TEST_F(KeyNotesTest, LockFindsRoomInTheNoteOfItsOwnKey) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(notes().write({signature(i), {7}, true, false, {}, pattern(4)}));
    }
    EXPECT_TRUE(notes().write({signature(1), {7}, true, true, {}, {}}));
    EXPECT_FALSE(notes().locks_all_others());
    EXPECT_TRUE(notes().has(signature(1)));
}

TEST_F(KeyNotesTest, NewNoteTakesThePlaceOfTheOldOne) {
    const auto old_secret = pattern(20);
    const auto secret = pattern(20, 101);
    EXPECT_TRUE(notes().write({signature(1), keyring::KeySerial{7}, true, false, {}, old_secret}));
    EXPECT_TRUE(notes().write({signature(1), keyring::KeySerial{8}, true, false, {}, secret}));
    const auto later = notes().all();
    ASSERT_EQ(later.size(), 1U);
    EXPECT_EQ(later[0].serial, keyring::KeySerial{8});
    EXPECT_EQ(copy(later[0].secret.value()), secret);
    EXPECT_FALSE(memory().contains(base::as_text(old_secret)));
}

TEST_F(KeyNotesTest, ErasedNoteLeavesNothing) {
    const auto secret = pattern(20);
    EXPECT_TRUE(notes().write({signature(1), keyring::KeySerial{7}, true, false, {}, secret}));
    EXPECT_TRUE(notes().write({signature(2), keyring::KeySerial{7}, true, true, {}, {}}));
    notes().erase(signature(1));
    EXPECT_FALSE(notes().has(signature(1)));
    EXPECT_TRUE(notes().has(signature(2)));
    EXPECT_FALSE(memory().contains(base::as_text(secret)));
}

// The process died after it wrote the new note and before it wiped the old one.
TEST_F(KeyNotesTest, NewerOfTwoNotesCounts) {
    const auto secret = pattern(20);
    EXPECT_TRUE(notes().write({signature(1), keyring::KeySerial{7}, true, false, {}, secret}));
    const auto old = places_[0];
    EXPECT_TRUE(notes().write({signature(1), keyring::KeySerial{7}, true, true, {}, {}}));
    places_[0] = old;
    const auto later = notes().all();
    ASSERT_EQ(later.size(), 1U);
    EXPECT_TRUE(later[0].locked);
    EXPECT_FALSE(memory().contains(base::as_text(secret)));
}

// The process died before the last thing that it writes, the sequence number.
TEST_F(KeyNotesTest, UnfinishedNoteDoesNotCount) {
    EXPECT_TRUE(notes().write({signature(1), keyring::KeySerial{7}, true, true, {}, {}}));
    auto unfinished = places_[0];
    unfinished.locked = 0;
    unfinished.sequence = 0;
    places_[1] = unfinished;
    used_ = 2;
    const auto later = notes().all();
    ASSERT_EQ(later.size(), 1U);
    EXPECT_TRUE(later[0].locked);
}

TEST_F(KeyNotesTest, DamagedNoteIsWiped) {
    for (const bool is_size : {true, false}) {
        EXPECT_TRUE(notes().write({signature(1), keyring::KeySerial{7}, true, true, {}, {}}));
        ASSERT_EQ(notes().all().size(), 1U);
        auto& note = *std::ranges::find_if(places_, [](auto& one) { return one.sequence != 0; });
        if (is_size) {
            note.secret_size = sizeof(KeyNote::bytes) + 1;
        } else {
            note.signature.fill('g');
        }
        EXPECT_TRUE(notes().all().empty());
        EXPECT_EQ(memory().find_first_not_of('\0'), std::string_view::npos);
    }
}

}  // namespace
}  // namespace ecryptfs::agent
