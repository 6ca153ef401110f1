// SPDX-License-Identifier: Apache-2.0

#include "lib/channel/channel_note.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace ecryptfs::channel {
namespace {

using base::ErrorCode;

const auto kNotedKey = wire::KeySignature::from_text("fe3467554552491d").value();

Note note_with_key() {
    auto handed = std::make_shared<HandedKey>();
    handed->salt = {1, 2, 3, 4, 5, 6, 7, 8};
    handed->key = base::SecretBytes::create(HandedKey::kKeySize).value();
    std::ranges::fill(handed->key.span(), std::uint8_t{9});
    return {
        .type = NoteType::kUnlocked, .number = 7, .signature = kNotedKey, .key = std::move(handed)};
}

TEST(ChannelNote, HandsOverAKey) {
    std::array<std::uint8_t, kMaxNote> buffer{};
    const auto bytes = encode_note(note_with_key(), buffer);
    EXPECT_EQ(bytes.size(), kMaxNote);
    const auto note = parse_note(bytes);
    ASSERT_TRUE(note) << note.error().message;
    EXPECT_EQ(note->number, 7U);
    EXPECT_EQ(note->signature, kNotedKey);
    ASSERT_TRUE(note->key);
    EXPECT_EQ(note->key->salt, note_with_key().key->salt);
    EXPECT_TRUE(std::ranges::equal(note->key->key.view(), note_with_key().key->key.view()));
}

TEST(ChannelNote, RefusesEachOtherSizeAndAKeyThatIsLocked) {
    std::array<std::uint8_t, kMaxNote + 1> buffer{};
    encode_note(note_with_key(), buffer);
    for (std::size_t size = 0; size <= kMaxNote + 1; ++size) {
        const bool is_right = size == 5 || size == 21 || size == kMaxNote;
        EXPECT_EQ(parse_note(base::ByteView(buffer).first(size)).has_value(), is_right) << size;
    }
    auto locked = note_with_key();
    locked.type = NoteType::kLocked;
    const auto refused = parse_note(encode_note(locked, buffer));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace ecryptfs::channel
