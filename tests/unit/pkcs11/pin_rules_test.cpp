// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/pin_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <p11-kit/pkcs11.h>

#include "tests/unit/support.h"

namespace ecryptfs::pkcs11_module {
namespace {

using base::as_bytes;
using base::ErrorCode;
using base::SecretBytes;
using test::FailsWith;
using test::Succeeds;

TokenInfo info_with(unsigned long flags, unsigned long min = 0, unsigned long max = 0) {
    TokenInfo info;
    info.flags = flags;
    info.min_pin_size = min;
    info.max_pin_size = max;
    return info;
}

class PinRules : public testing::Test {
  protected:
    // No function of the library is called.
    Library library_{nullptr, "softhsm2", "/usr/lib/softhsm2.so"};
    TokenPresence token_{library_, {"card", "1", "maker", "model"}, 0};
};

TEST_F(PinRules, AttemptIsAllowedWhileTwoAreLeft) {
    EXPECT_THAT(check_attempts(info_with(0), token_), Succeeds());
    EXPECT_THAT(check_attempts(info_with(CKF_USER_PIN_COUNT_LOW), token_), Succeeds());
}

TEST_F(PinRules, LastAttemptIsKept) {
    const auto refused =
        check_attempts(info_with(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY), token_);
    EXPECT_THAT(refused, FailsWith(ErrorCode::kSecretLockedOut, "token \"card\" takes one more"));
    EXPECT_THAT(refused.error().advice, testing::HasSubstr("--login --list-objects"));
}

TEST_F(PinRules, LockedTokenTakesNoPin) {
    const auto refused =
        check_attempts(info_with(CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY), token_);
    EXPECT_THAT(refused, FailsWith(ErrorCode::kSecretLockedOut, "takes no PIN any more"));
    EXPECT_THAT(refused.error().advice, testing::HasSubstr("--init-pin"));
}

TEST_F(PinRules, PinOfImpossibleSizeIsNotTried) {
    const auto info = info_with(0, 4, 8);
    EXPECT_THAT(check_form(as_bytes("123"), info, token_),
                FailsWith(ErrorCode::kWrongSecret, "it has 3 bytes; it was not tried"));
    EXPECT_THAT(check_form(as_bytes("1"), info, token_),
                FailsWith(ErrorCode::kWrongSecret, "it has 1 byte;"));
    EXPECT_THAT(check_form(as_bytes("1234"), info, token_), Succeeds());
    EXPECT_THAT(check_form(as_bytes("12345678"), info, token_), Succeeds());
    EXPECT_THAT(check_form(as_bytes("123456789"), info, token_),
                FailsWith(ErrorCode::kWrongSecret, "it has 9 bytes"));
}

TEST_F(PinRules, NonsensicalLimitsAllowAnySize) {
    for (const auto& info :
         {info_with(0), info_with(0, 8, 4), info_with(0, 0, static_cast<unsigned long>(-1))}) {
        EXPECT_THAT(check_form(as_bytes("1"), info, token_), Succeeds()) << info.max_pin_size;
    }
}

TEST_F(PinRules, Utf16PinIsNotTried) {
    EXPECT_THAT(check_form(as_bytes("\xff\xfe|4"), info_with(0), token_),
                FailsWith(ErrorCode::kWrongSecret, "it is in UTF-16; it was not tried"));
}

TEST_F(PinRules, EmptyPinIsLeftToThePad) {
    EXPECT_THAT(check_form({}, info_with(0, 4, 8), token_), Succeeds());
}

TEST_F(PinRules, AdviceSaysHowManyAttemptsAreLeft) {
    const auto advice = [&](unsigned long flags) {
        const auto error = refusal(CKR_PIN_INCORRECT, info_with(flags), token_);
        EXPECT_EQ(error.code, ErrorCode::kWrongSecret);
        EXPECT_EQ(error.message, "token \"card\" refused the PIN");
        return error.advice;
    };
    EXPECT_EQ(advice(0), "give the right PIN");
    EXPECT_THAT(advice(CKF_USER_PIN_COUNT_LOW), testing::HasSubstr("a few more wrong ones"));
    EXPECT_THAT(advice(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY),
                testing::HasSubstr("only one more try"));
}

TEST_F(PinRules, RefusalThatLocksTokenIsReported) {
    for (const auto& error : {refusal(CKR_PIN_LOCKED, std::nullopt, token_),
                              refusal(CKR_PIN_INCORRECT, info_with(CKF_USER_PIN_LOCKED), token_)}) {
        EXPECT_EQ(error.code, ErrorCode::kSecretLockedOut);
        EXPECT_EQ(error.message, "token \"card\" refused the PIN and takes no more");
    }
}

class RefusedPinTest : public testing::Test {
  protected:
    void remember(std::string_view pin, unsigned long flags) {
        refused_.remember(*SecretBytes::copy(as_bytes(pin)), kAbsences, info_with(flags));
    }
    bool matches(std::string_view pin, std::uint64_t absences = kAbsences,
                 unsigned long flags = CKF_USER_PIN_COUNT_LOW) const {
        return refused_.matches(as_bytes(pin), absences, info_with(flags));
    }

    static constexpr std::uint64_t kAbsences = 3;
    RefusedPin refused_;
};

TEST_F(RefusedPinTest, IsNotTriedAgain) {
    EXPECT_FALSE(matches("1234"));
    remember("1234", CKF_USER_PIN_COUNT_LOW);
    EXPECT_TRUE(matches("1234"));
    EXPECT_FALSE(matches("1235"));
    EXPECT_FALSE(matches("12345"));
    refused_.forget();
    EXPECT_FALSE(matches("1234"));
}

TEST_F(RefusedPinTest, MayBeTriedAfterTokenWasAway) {
    remember("1234", CKF_USER_PIN_COUNT_LOW);
    EXPECT_FALSE(matches("1234", kAbsences + 1));
}

TEST_F(RefusedPinTest, MayBeTriedAfterCountWasReset) {
    remember("1234", CKF_USER_PIN_COUNT_LOW);
    EXPECT_FALSE(matches("1234", kAbsences, 0));
}

// Many tokens never say that the count is low.
TEST_F(RefusedPinTest, IsNotTriedAgainWithoutACount) {
    remember("1234", 0);
    EXPECT_TRUE(matches("1234", kAbsences, 0));
}

TEST_F(RefusedPinTest, EmptyPinIsNeverRemembered) {
    remember("", CKF_USER_PIN_COUNT_LOW);
    EXPECT_FALSE(matches(""));
}

}  // namespace
}  // namespace ecryptfs::pkcs11_module
