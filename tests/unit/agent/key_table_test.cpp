// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/keys_support.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::ErrorCode;
using base::FileKeyOperation;
using test::FailsWith;
using test::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr std::string_view kUri = "file:///k.pem";

class KeyTableTest : public ::testing::Test {
  protected:
    KeyEffects see(std::int32_t serial = 1, std::string_view uri = kUri,
                   bool in_user_keyring = true) {
        auto [result, effects] =
            table_.see_token(key_, {keyring::KeySerial{serial}, in_user_keyring,
                                    test::openssl_module(), base::as_bytes(uri)});
        EXPECT_THAT(result, Succeeds());
        return std::move(effects);
    }
    KeyRef use(FileKeyOperation action = FileKeyOperation::kDecrypt) {
        auto key = table_.use_key(key_, action);
        EXPECT_THAT(key, Succeeds());
        return key.value_or(nullptr);
    }
    KeyRef begin_unlock(std::string_view secret = "s") {
        auto key = table_.begin_unlock(key_, test::secret(secret));
        EXPECT_THAT(key, Succeeds());
        return key.value_or(nullptr);
    }
    KeyRef unlock(std::string_view secret = "s") {
        const auto key = begin_unlock(secret);
        EXPECT_THAT(finish_unlock(key).result, Succeeds());
        return key;
    }
    Outcome<base::Result<void>> finish_unlock(const KeyRef& key) {
        return table_.finish_unlock(key, OpenedKey{key_, "", ""});
    }
    KeyRef begin_add(std::optional<std::string_view> secret = "s") {
        return table_.begin_add(test::openssl_module(), std::string(kUri),
                                secret ? test::secret(*secret) : std::nullopt);
    }
    KeyRef add() {
        const auto key = begin_add();
        EXPECT_THAT(table_.finish_add(key, OpenedKey{key_, "", ""}).result, Succeeds());
        return key;
    }
    KeyEffects fail(const KeyRef& key, ErrorCode code) {
        return table_.record_failure(*key, {code, "why"}).effects;
    }
    std::optional<KeyState> state() const {
        const auto info = table_.find(key_);
        return info ? std::optional(info->state) : std::nullopt;
    }
    void expect_locked() {
        EXPECT_EQ(state(), KeyState::kLocked);
        EXPECT_THAT(table_.use_key(key_, FileKeyOperation::kDecrypt),
                    FailsWith(ErrorCode::kKeyLocked, "is locked"));
    }

    const wire::KeySignature key_ = test::signature(1);
    KeyTable table_;
};

// --- The keyring ---

TEST_F(KeyTableTest, NewTokenMakesUnopenedKey) {
    EXPECT_THAT(see().changed, ElementsAre(key_));
    const auto info = table_.find(key_);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->state, KeyState::kUnopened);
    EXPECT_EQ(info->module, "openssl");
    EXPECT_EQ(info->locator, kUri);
    EXPECT_EQ(info->serial, keyring::KeySerial{1});
    EXPECT_THAT(table_.signatures(), ElementsAre(key_));
    EXPECT_THAT(table_.keys_in_memory(), IsEmpty());
    EXPECT_FALSE(table_.note(key_));
}

TEST_F(KeyTableTest, SameTokenChangesNothing) {
    see();
    const auto key = unlock();
    const auto effects = see();
    EXPECT_THAT(effects.changed, IsEmpty());
    EXPECT_THAT(effects.closed, IsEmpty());
    EXPECT_EQ(use(), key);
}

TEST_F(KeyTableTest, OtherTokenClosesKeyAndForgetsSecret) {
    for (const bool other_serial : {true, false}) {
        see();
        const auto key = unlock();
        ASSERT_TRUE(table_.note(key_));
        const auto effects = other_serial ? see(2) : see(1, "file:///other.pem");
        EXPECT_THAT(effects.closed, ElementsAre(key));
        EXPECT_THAT(effects.noted, ElementsAre(key_));
        EXPECT_FALSE(table_.note(key_));
        EXPECT_FALSE(key->secret);
        EXPECT_EQ(state(), KeyState::kUnopened);
        EXPECT_NE(use()->id, key->id);
        table_.forget(key_);
    }
}

TEST_F(KeyTableTest, OtherTokenCancelsUnlockOfOldOne) {
    see();
    const auto key = begin_unlock();
    EXPECT_THAT(see(2).closed, SizeIs(2));  // the one that opens, and that of the old token
    EXPECT_THAT(finish_unlock(key).result, FailsWith(ErrorCode::kUnknownKey, "changed meanwhile"));
    EXPECT_EQ(state(), KeyState::kUnopened);
}

TEST_F(KeyTableTest, LostTokenTakesItsKeyAway) {
    see();
    const auto key = unlock();
    const auto effects = table_.lose_token(key_, ErrorCode::kUnknownKey);
    EXPECT_THAT(effects.closed, ElementsAre(key));
    EXPECT_THAT(effects.changed, ElementsAre(key_));
    EXPECT_THAT(effects.noted, ElementsAre(key_));
    EXPECT_THAT(effects.forgotten, ElementsAre(key_));
    EXPECT_FALSE(key->secret);
    EXPECT_FALSE(state());
    EXPECT_THAT(table_.signatures(), IsEmpty());
}

TEST_F(KeyTableTest, ExpiredOrRevokedTokenLeavesOnlyItsName) {
    for (const auto& [why, shown] : {std::pair(ErrorCode::kKeyExpired, KeyState::kExpired),
                                     std::pair(ErrorCode::kKeyRevoked, KeyState::kRevoked),
                                     std::pair(ErrorCode::kAccessDenied, KeyState::kMissing),
                                     std::pair(ErrorCode::kInvalidToken, KeyState::kUnusable)}) {
        see();
        const auto key = unlock();
        const auto effects = table_.lose_token(key_, why);
        EXPECT_THAT(effects.closed, ElementsAre(key));
        EXPECT_THAT(effects.changed, ElementsAre(key_));
        EXPECT_EQ(state(), shown);
        EXPECT_EQ(table_.find(key_)->locator, kUri);
        EXPECT_FALSE(table_.has_token(key_));
        EXPECT_FALSE(table_.note(key_));
        EXPECT_THAT(table_.keys_in_memory(), IsEmpty());
        EXPECT_FALSE(table_.use_key(key_, FileKeyOperation::kEncrypt));
        EXPECT_FALSE(table_.begin_unlock(key_, {}));
        EXPECT_THAT(table_.lose_token(key_, why).changed, IsEmpty());  // once is enough
    }
}

TEST_F(KeyTableTest, ReturningTokenIsNewKey) {
    see();
    const auto key = unlock();
    table_.lose_token(key_, ErrorCode::kAccessDenied);
    EXPECT_THAT(see().changed, ElementsAre(key_));
    EXPECT_EQ(state(), KeyState::kUnopened);
    EXPECT_NE(use()->id, key->id);
}

TEST_F(KeyTableTest, LockDoesNotOutliveTheToken) {
    see();
    table_.lock(key_);
    table_.lose_token(key_, ErrorCode::kUnknownKey);
    see();
    EXPECT_EQ(state(), KeyState::kUnopened);
}

TEST_F(KeyTableTest, UnusableTokenIsFoundButNotListed) {
    const auto seen = table_.see_token(key_, {keyring::KeySerial{1}, true, test::openssl_module(),
                                              base::as_bytes("\x01\x02 no URI")});
    EXPECT_THAT(seen.result, FailsWith(ErrorCode::kInvalidToken, "the token of key"));
    EXPECT_EQ(state(), KeyState::kUnusable);
    EXPECT_THAT(table_.signatures(), IsEmpty());
    table_.lose_token(key_, ErrorCode::kUnknownKey);
    EXPECT_FALSE(state());
}

// --- Requests ---

TEST_F(KeyTableTest, SuccessfulOperationUnlocksKey) {
    see();
    const auto key = use();
    EXPECT_EQ(state(), KeyState::kUnopened);
    EXPECT_THAT(table_.keys_in_memory(), ElementsAre(key_));  // a host may have it
    EXPECT_THAT(table_.record_success(*key, 1ms).changed, ElementsAre(key_));
    EXPECT_EQ(state(), KeyState::kUnlocked);
    EXPECT_EQ(table_.find(key_)->counts.answered, 1U);
    EXPECT_THAT(table_.record_success(*key, 1ms).changed, IsEmpty());
}

TEST_F(KeyTableTest, MissingSecretLocksKey) {
    for (const auto code : {ErrorCode::kSecretRequired, ErrorCode::kWrongSecret,
                            ErrorCode::kSecretLockedOut, ErrorCode::kSecretAtDevice}) {
        see();
        const auto key = use();
        const auto [error, effects] = table_.record_failure(*key, {code, "why"});
        EXPECT_EQ(error.code, ErrorCode::kKeyLocked);
        EXPECT_THAT(effects.closed, ElementsAre(key));
        EXPECT_THAT(effects.changed, ElementsAre(key_));
        expect_locked();
        ASSERT_TRUE(table_.note(key_));
        EXPECT_TRUE(table_.note(key_)->locked);
        table_.forget(key_);
    }
}

TEST_F(KeyTableTest, KeyIsUnusableAfterKeyErrorUntilSuccess) {
    see();
    const auto key = use();
    EXPECT_THAT(fail(key, ErrorCode::kNotFound).changed, ElementsAre(key_));
    EXPECT_EQ(state(), KeyState::kUnusable);
    EXPECT_EQ(use(), key);
    table_.record_success(*key, 1ms);
    EXPECT_EQ(state(), KeyState::kUnlocked);
    EXPECT_EQ(table_.find(key_)->counts.failed, 1U);
}

TEST_F(KeyTableTest, UnrelatedFailureChangesNoState) {
    see();
    const auto key = use();
    EXPECT_THAT(fail(key, ErrorCode::kTimedOut).changed, IsEmpty());
    EXPECT_EQ(state(), KeyState::kUnopened);
}

TEST_F(KeyTableTest, ResultOfClosedKeyIsIgnored) {
    see();
    const auto old = use();
    table_.lock(key_);
    table_.record_success(*old, 1ms);
    expect_locked();
    const auto key = unlock();
    fail(old, ErrorCode::kWrongSecret);
    fail(old, ErrorCode::kInvalidKey);
    EXPECT_EQ(state(), KeyState::kUnlocked);
    EXPECT_EQ(use(), key);
}

TEST_F(KeyTableTest, ResultOfOldTokensKeyIsIgnored) {
    see();
    const auto old = use();
    see(2);
    EXPECT_THAT(table_.record_success(*old, 1ms).changed, IsEmpty());
    EXPECT_EQ(state(), KeyState::kUnopened);
}

TEST_F(KeyTableTest, LockedKeyEncryptsWithPublicHalf) {
    see();
    table_.lock(key_);
    const auto half = use(FileKeyOperation::kEncrypt);
    EXPECT_EQ(half->use, pki::KeyUse::kPublic);
    EXPECT_FALSE(half->secret);
    EXPECT_EQ(use(FileKeyOperation::kEncrypt), half);
    EXPECT_THAT(table_.keys_in_memory(), ElementsAre(key_));
    table_.record_success(*half, 1ms);
    expect_locked();
    const auto key = begin_unlock();
    EXPECT_THAT(finish_unlock(key).effects.closed, ElementsAre(half));
    EXPECT_EQ(use(FileKeyOperation::kEncrypt), key);
}

TEST_F(KeyTableTest, PublicHalfThatNeedsSecretReportsLockedKey) {
    see();
    table_.lock(key_);
    const auto half = use(FileKeyOperation::kEncrypt);
    const auto [error, effects] = table_.record_failure(*half, {ErrorCode::kSecretRequired, "why"});
    EXPECT_EQ(error.code, ErrorCode::kKeyLocked);
    EXPECT_THAT(effects.closed, IsEmpty());
}

// --- People ---

TEST_F(KeyTableTest, UnlockedKeyIsUsedAndSecretNoted) {
    see();
    table_.lock(key_);
    const auto key = begin_unlock("open sesame");
    EXPECT_EQ(state(), KeyState::kLocked);
    const auto effects = finish_unlock(key).effects;
    EXPECT_THAT(effects.changed, ElementsAre(key_));
    EXPECT_THAT(effects.noted, ElementsAre(key_));
    EXPECT_EQ(use(), key);
    const auto note = table_.note(key_);
    ASSERT_TRUE(note && note->secret);
    EXPECT_EQ(base::as_text(*note->secret), "open sesame");
    EXPECT_EQ(base::as_text(note->blob), kUri);
}

TEST_F(KeyTableTest, FailedUnlockChangesNothing) {
    see();
    table_.lock(key_);
    const auto key = begin_unlock();
    const auto failed =
        table_.finish_unlock(key, std::unexpected(base::Error{ErrorCode::kWrongSecret, "no"}));
    EXPECT_THAT(failed.result, FailsWith(ErrorCode::kWrongSecret, "no"));
    EXPECT_FALSE(key->secret);
    expect_locked();
}

// Requests may be under way with the key.
TEST_F(KeyTableTest, SecondUnlockKeepsKeyWithNewerSecret) {
    see();
    const auto key = unlock("old");
    const auto newer = begin_unlock("new");
    const auto effects = finish_unlock(newer).effects;
    EXPECT_THAT(effects.closed, ElementsAre(newer));
    EXPECT_EQ(use(), key);
    ASSERT_TRUE(key->secret);
    EXPECT_EQ(base::as_text(key->secret->view()), "new");
    EXPECT_FALSE(newer->secret);
}

TEST_F(KeyTableTest, LockClosesKeyAndForgetsSecret) {
    see();
    const auto key = unlock();
    const auto effects = table_.lock(key_);
    EXPECT_THAT(effects.closed, ElementsAre(key));
    EXPECT_THAT(effects.changed, ElementsAre(key_));
    EXPECT_THAT(effects.noted, ElementsAre(key_));
    EXPECT_FALSE(key->secret);
    EXPECT_TRUE(table_.note(key_)->locked);
    EXPECT_FALSE(table_.note(key_)->secret);
    EXPECT_THAT(table_.keys_in_memory(), IsEmpty());
    expect_locked();
}

TEST_F(KeyTableTest, LockCancelsUnlock) {
    for (const bool all : {false, true}) {
        see();
        const auto key = begin_unlock();
        const auto effects = all ? table_.lock_all() : table_.lock(key_);
        EXPECT_THAT(effects.closed, ::testing::Contains(key));
        EXPECT_FALSE(key->secret);
        const auto late = finish_unlock(key);
        EXPECT_THAT(late.result, FailsWith(ErrorCode::kKeyLocked, "while it was being opened"));
        EXPECT_THAT(late.effects.closed, ElementsAre(key));
        expect_locked();
        const auto later = unlock();
        EXPECT_EQ(use(), later);
        table_.forget(key_);
    }
}

TEST_F(KeyTableTest, LockHoldsAgainstEarlierAdd) {
    see();
    const auto key = begin_add();
    table_.lock(key_);
    const auto late = table_.finish_add(key, OpenedKey{key_, "", ""});
    EXPECT_THAT(late.result, FailsWith(ErrorCode::kKeyLocked, "while it was being opened"));
    EXPECT_THAT(late.effects.closed, ElementsAre(key));
    EXPECT_FALSE(key->secret);
    expect_locked();
}

TEST_F(KeyTableTest, LockOfAnotherKeyDoesNotStopAdd) {
    const auto key = begin_add();
    table_.lock(test::signature(2));
    EXPECT_THAT(table_.finish_add(key, OpenedKey{key_, "", ""}).result, Succeeds());
    EXPECT_EQ(use(), key);
}

TEST_F(KeyTableTest, LockOfAllHoldsAgainstEarlierAdd) {
    const auto key = begin_add();
    EXPECT_THAT(table_.lock_all().closed, ElementsAre(key));
    EXPECT_THAT(table_.finish_add(key, OpenedKey{key_, "", ""}).result,
                FailsWith(ErrorCode::kKeyLocked, "while it was being opened"));
    EXPECT_FALSE(state());
}

TEST_F(KeyTableTest, ForgottenKeyIsNotUnlockedLater) {
    see();
    const auto key = begin_unlock();
    table_.forget(key_);
    EXPECT_THAT(finish_unlock(key).result, FailsWith(ErrorCode::kUnknownKey, "removed or changed"));
    EXPECT_FALSE(state());
    EXPECT_FALSE(key->secret);
}

// --- Added keys ---

TEST_F(KeyTableTest, AddedKeyWaitsForItsToken) {
    const auto key = add();
    EXPECT_TRUE(table_.awaits_token(key_));
    EXPECT_EQ(use(), key);
    EXPECT_FALSE(table_.note(key_));  // the next process would find no token
    EXPECT_THAT(table_.lose_token(key_, ErrorCode::kUnknownKey).closed, IsEmpty());
    EXPECT_THAT(see(7, "file:///old.pem").closed, IsEmpty());  // that of before
    EXPECT_EQ(use(), key);
}

TEST_F(KeyTableTest, AddedKeyStaysWhenItsTokenIsRegistered) {
    const auto key = add();
    table_.trust_next_token(key_);
    const auto effects = see(9);
    EXPECT_THAT(effects.changed, ElementsAre(key_));
    EXPECT_THAT(effects.noted, ElementsAre(key_));
    EXPECT_FALSE(table_.awaits_token(key_));
    EXPECT_EQ(use(), key);
    EXPECT_EQ(table_.find(key_)->serial, keyring::KeySerial{9});
    ASSERT_TRUE(table_.note(key_));
    EXPECT_EQ(table_.note(key_)->serial, keyring::KeySerial{9});
}

TEST_F(KeyTableTest, AddedKeyGoesWhenOtherTokenIsRegistered) {
    const auto key = add();
    table_.trust_next_token(key_);
    EXPECT_THAT(see(9, "file:///other.pem").closed, ElementsAre(key));
    EXPECT_NE(use()->id, key->id);
}

TEST_F(KeyTableTest, AddedKeyWithoutTokenIsForgotten) {
    const auto key = add();
    table_.trust_next_token(key_);
    EXPECT_THAT(table_.lose_token(key_, ErrorCode::kUnknownKey).closed, ElementsAre(key));
    EXPECT_FALSE(state());
}

TEST_F(KeyTableTest, LockedAddedKeyStaysLockedWithItsToken) {
    const auto key = add();
    EXPECT_THAT(table_.lock(key_).closed, ElementsAre(key));
    table_.trust_next_token(key_);
    see(9);
    expect_locked();
    EXPECT_TRUE(table_.note(key_)->locked);
}

TEST_F(KeyTableTest, AddOfKnownKeyUnlocksIt) {
    see();
    table_.lock(key_);
    const auto key = add();
    EXPECT_EQ(use(), key);
    EXPECT_EQ(table_.find(key_)->serial, keyring::KeySerial{1});
}

TEST_F(KeyTableTest, AddReplacesOldLocator) {
    see(1, "file:///old.pem");
    const auto old = unlock();
    const auto key = begin_add();
    const auto effects = table_.finish_add(key, OpenedKey{key_, "", ""}).effects;
    EXPECT_THAT(effects.closed, ElementsAre(old));
    EXPECT_EQ(use(), key);
    EXPECT_EQ(table_.find(key_)->locator, kUri);
}

TEST_F(KeyTableTest, AddTakesLocatorSettledByModule) {
    const auto key = begin_add();
    EXPECT_THAT(table_.finish_add(key, OpenedKey{key_, "file:///settled.pem", ""}).result,
                Succeeds());
    EXPECT_EQ(key->locator, "file:///settled.pem");
    EXPECT_EQ(table_.find(key_)->locator, "file:///settled.pem");
}

TEST_F(KeyTableTest, LocatorThatIsNoUriClosesAddedKey) {
    const auto key = begin_add();
    const auto refused = table_.finish_add(key, OpenedKey{key_, "no URI", ""});
    EXPECT_THAT(refused.result, FailsWith(ErrorCode::kModuleFailed, "not a URI"));
    EXPECT_THAT(refused.effects.closed, ElementsAre(key));
    EXPECT_FALSE(key->secret);
    EXPECT_FALSE(state());
}

TEST_F(KeyTableTest, FailedAddLeavesNothing) {
    const auto key = begin_add();
    const auto failed =
        table_.finish_add(key, std::unexpected(base::Error{ErrorCode::kWrongSecret, "no"}));
    EXPECT_THAT(failed.result, FailsWith(ErrorCode::kWrongSecret, "no"));
    EXPECT_FALSE(key->secret);
    EXPECT_FALSE(state());
}

// --- Secrets that tokens hold (ecryptfs-utils) ---

class KeyTableWithSecretInToken : public KeyTableTest {
  protected:
    void SetUp() override {
        const auto seen =
            table_.see_token(key_, {keyring::KeySerial{1}, true, test::openssl_module(), blob_});
        ASSERT_THAT(seen.result, Succeeds());
    }

    const test::Bytes blob_ =
        test::counted({test::with_nul("/k.pem"), test::with_nul("from the token")});
};

TEST_F(KeyTableWithSecretInToken, SecretIsNotNoted) {
    const auto key = use();
    ASSERT_TRUE(key->secret);
    EXPECT_EQ(base::as_text(key->secret->view()), "from the token");
    EXPECT_FALSE(table_.note(key_));
    unlock("told");
    EXPECT_TRUE(table_.note(key_)->secret);
}

TEST_F(KeyTableWithSecretInToken, TokenIsWatchedBeforeKeyIsUsed) {
    EXPECT_THAT(table_.keys_in_memory(), ElementsAre(key_));
}

TEST_F(KeyTableWithSecretInToken, SecretUnlocksKey) {
    table_.lock(key_);
    const auto key = table_.begin_unlock(key_, {});
    ASSERT_THAT(key, Succeeds());
    ASSERT_TRUE((*key)->secret);
    EXPECT_EQ(base::as_text((*key)->secret->view()), "from the token");
    finish_unlock(*key);
    EXPECT_FALSE(table_.note(key_));
}

// --- Notes of the process before ---

TEST_F(KeyTableTest, NotedSecretOpensKey) {
    see();
    const auto unopened = use();
    const auto secret = test::pattern(8);
    const auto effects = table_.restore(
        {key_, keyring::KeySerial{1}, true, false, base::as_bytes(kUri), base::ByteView(secret)});
    EXPECT_THAT(effects.closed, ElementsAre(unopened));
    EXPECT_EQ(state(), KeyState::kUnopened);
    ASSERT_TRUE(use()->secret);
    EXPECT_EQ(test::copy(use()->secret->view()), secret);
    EXPECT_THAT(table_.keys_in_memory(), ElementsAre(key_));
    ASSERT_TRUE(table_.note(key_));
    EXPECT_TRUE(table_.note(key_)->secret);
}

TEST_F(KeyTableTest, NotedLockLocksKey) {
    see();
    EXPECT_THAT(table_.restore({key_, keyring::KeySerial{1}, true, true, {}, {}}).changed,
                ElementsAre(key_));
    expect_locked();
}

TEST_F(KeyTableTest, NoteOfOtherTokenIsVoid) {
    see();
    const auto secret = test::pattern(8);
    for (const auto& note :
         {KeyNoteView{key_, keyring::KeySerial{2}, true, true, {}, {}},
          KeyNoteView{key_, keyring::KeySerial{2}, true, false, base::as_bytes(kUri), secret},
          KeyNoteView{key_, keyring::KeySerial{1}, true, false, base::as_bytes("a:b"), secret}}) {
        EXPECT_THAT(table_.restore(note).noted, ElementsAre(key_));
        EXPECT_FALSE(table_.note(key_));
        EXPECT_EQ(state(), KeyState::kUnopened);
        EXPECT_FALSE(use()->secret);
    }
    table_.forget(key_);
    EXPECT_THAT(table_.restore({key_, keyring::KeySerial{1}, true, true, {}, {}}).noted,
                ElementsAre(key_));
    EXPECT_FALSE(state());
}

TEST_F(KeyTableTest, SessionKeyIsNotedBySerial) {
    see(5, kUri, /*in_user_keyring=*/false);
    const auto note = table_.note(key_);
    ASSERT_TRUE(note);
    EXPECT_EQ(note->serial, keyring::KeySerial{5});
    EXPECT_FALSE(note->in_user_keyring);
    EXPECT_FALSE(note->secret);
}

}  // namespace
}  // namespace ecryptfs::agent
