// SPDX-License-Identifier: Apache-2.0
//
// PINs of the module pkcs11: one login a token, and no try more than needed.

#include <gmock/gmock.h>
#include <p11-kit/pkcs11.h>

#include <atomic>
#include <functional>
#include <thread>

#include "tests/contract/fails.h"
#include "tests/contract/shim_token.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;
using testing::Not;

class Pkcs11Login : public ShimTest {
  protected:
    static void take_out_and_put_back() {
        faults().removed = true;
        EXPECT_EQ(failure_to_open(abi(), key()).status, ECRYPTFS_PKI_NOT_FOUND);
        faults().removed = false;
    }
    // So many threads at once.
    static void in_threads(int count, const std::function<void(int)>& work) {
        std::vector<std::thread> workers;
        for (int i = 0; i < count; ++i) {
            workers.emplace_back([&work, i] { work(i); });
        }
        for (auto& worker : workers) {
            worker.join();
        }
    }
};

TEST_F(Pkcs11Login, AllKeysOfTokenShareOne) {
    const auto first = open(key("a"));
    const auto second = open(key("b"));
    const auto again = open(key("a"));
    EXPECT_EQ(faults().logins, 1U);
    EXPECT_TRUE(works(*first) && works(*second) && works(*again));
}

TEST_F(Pkcs11Login, EndsWithTheLastKey) {
    auto first = open(key("a"));
    auto second = open(key("b"));
    first.reset();
    EXPECT_EQ(faults().logouts, 0U);
    EXPECT_TRUE(works(*second));
    second.reset();
    EXPECT_EQ(faults().logouts, 1U);
    EXPECT_EQ(faults().sessions, 0U);
    EXPECT_TRUE(works(*open(key("a"))));
    EXPECT_EQ(faults().logins, 2U);
}

TEST_F(Pkcs11Login, IsNotNeededToEncrypt) {
    const OpenKey half(abi(), key_without_pin(), ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(half.wrap(pattern(19)).size(), 256U);
    EXPECT_EQ(faults().logins, 0U);
    EXPECT_EQ(faults().sessions, 0U);
}

TEST_F(Pkcs11Login, OpenKeyChecksPinWithoutATry) {
    const auto key = open(this->key());
    EXPECT_EQ(failure_to_open(abi(), key_with("999999")).status, ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(failure_to_open(abi(), {this->key("b").locator, "6482190"}).status,
              ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(failure_to_open(abi(), key_without_pin("b")).status, ECRYPTFS_PKI_SECRET_REQUIRED);
    EXPECT_EQ(faults().logins, 1U);
    EXPECT_TRUE(works(*key)) << "the other key's login";
}

TEST_F(Pkcs11Login, RefusedPinIsNotTriedAgain) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(failure_to_open(abi(), key_with("999999")).status, ECRYPTFS_PKI_WRONG_SECRET);
    }
    EXPECT_EQ(faults().logins, 1U);
    EXPECT_EQ(failure_to_open(abi(), key_with("888888")).status, ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(faults().logins, 2U) << "another PIN may be right";
    EXPECT_TRUE(works(*open(key())));
}

// SoftHSM says that its PINs have 4 to 255 bytes.
TEST_F(Pkcs11Login, ImpossiblePinIsNotTried) {
    for (const std::string& pin :
         {std::string("123"), std::string(256, '1'), std::string("648219\0", 7),
          std::string("6\0004\0008\0002\0001\0009\0", 12)}) {
        EXPECT_THAT(failure_to_open(abi(), key_with(pin)),
                    fails(ECRYPTFS_PKI_WRONG_SECRET, "not tried", "give"));
    }
    EXPECT_EQ(faults().logins, 0U);
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Login, MessagesNeverNameThePin) {
    for (const Outcome& outcome :
         {failure_to_open(abi(), key_with("999999")), failure_to_open(abi(), key_with("999999"))}) {
        EXPECT_THAT(outcome.message + outcome.advice, Not(HasSubstr("999999")));
    }
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Login, IsNotTriedWhenOneTryIsLeft) {
    faults().more_flags = CKF_USER_PIN_FINAL_TRY;
    const Outcome outcome = failure_to_open(abi(), key());
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_SECRET_LOCKED_OUT);
    EXPECT_THAT(outcome.advice, HasSubstr("--login --list-objects"));
    EXPECT_EQ(faults().logins, 0U);
    faults().more_flags = 0;
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Login, IsNotTriedWhenThePinIsLocked) {
    faults().more_flags = CKF_USER_PIN_LOCKED;
    EXPECT_EQ(failure_to_open(abi(), key()).status, ECRYPTFS_PKI_SECRET_LOCKED_OUT);
    EXPECT_EQ(faults().logins, 0U);
}

TEST_F(Pkcs11Login, WarnsWhenFewTriesAreLeft) {
    const Outcome outcome = failure_to_open(abi(), key_with("999999"));
    EXPECT_THAT(outcome.advice, HasSubstr("a few more wrong ones")) << "SoftHSM says so at once";
    EXPECT_TRUE(works(*open(key())));
}

TEST_F(Pkcs11Login, HappensAtThePad) {
    faults().pad = true;
    EXPECT_EQ(failure_to_open(abi(), key_without_pin()).status, ECRYPTFS_PKI_SECRET_AT_DEVICE);
    EXPECT_EQ(faults().logins, 0U) << "nobody waits";
    faults().typed = kPin;
    const auto key = open(key_with(""));
    EXPECT_EQ(faults().logins, 1U);
    EXPECT_TRUE(works(*key));
    EXPECT_TRUE(works(*open(key_without_pin("b")))) << "the pad need not ask twice";
    EXPECT_EQ(faults().logins, 1U);
}

TEST_F(Pkcs11Login, FailsWhenNobodyTypesAtThePad) {
    faults().pad = true;
    EXPECT_EQ(failure_to_open(abi(), key_with("")).status, ECRYPTFS_PKI_SECRET_AT_DEVICE);
    faults().typed = "999999";
    EXPECT_EQ(failure_to_open(abi(), key_with("")).status, ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_TRUE(works(*open(key()))) << "a PIN that was given goes to the token";
}

TEST_F(Pkcs11Login, PadLoginIsNotRepeatedAlone) {
    faults().pad = true;
    faults().typed = kPin;
    const auto key = open(key_with(""));
    const Bytes wrapped = key->wrap(pattern(19));
    log_out_behind_its_back();
    EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_SECRET_AT_DEVICE);
    EXPECT_EQ(faults().logins, 1U);
}

// Whoever unlocks a key opens it before the old one is closed.
TEST_F(Pkcs11Login, PadLoginIsRepeatedOnUnlock) {
    faults().pad = true;
    faults().typed = kPin;
    const auto key = open(key_with(""));
    const Bytes wrapped = key->wrap(pattern(19));
    take_out_and_put_back();
    EXPECT_TRUE(works(*open(key_with(""))));
    EXPECT_EQ(faults().logins, 2U);
    EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19));

    faults().forgot_login = true;
    EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_SECRET_AT_DEVICE);
    EXPECT_TRUE(works(*open(key_with(""))));
    EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19));
}

TEST_F(Pkcs11Login, IsRepeatedWhenTokenForgotIt) {
    const auto key = open(this->key());
    const auto other = open(this->key("b"));
    log_out_behind_its_back();
    EXPECT_TRUE(works(*key) && works(*other));
    EXPECT_EQ(faults().logins, 2U);
}

TEST_F(Pkcs11Login, IsRepeatedAfterRandomDenials) {
    const auto key = open(this->key());
    faults().deny_every = 3;
    for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(works(*key)) << i;
    }
}

// As a card does when another of its applets is used.
TEST_F(Pkcs11Login, IsRepeatedWhenOnlyTokenForgotIt) {
    const auto key = open(this->key());
    const auto other = open(this->key("b"));
    faults().forgot_login = true;
    EXPECT_TRUE(works(*key) && works(*other));
    EXPECT_EQ(faults().logouts, 1U);
    faults().forgot_login = true;
    EXPECT_TRUE(works(*open(this->key("b")))) << "unlocking mends it too";
}

TEST_F(Pkcs11Login, IsRepeatedOnceForAllDeniedThreads) {
    const auto key = open(this->key());
    const auto other = open(this->key("b"));
    std::atomic<int> wrong = 0;
    for (unsigned round = 1; round <= 5; ++round) {
        faults().forgot_login = true;
        in_threads(8, [&](int i) { wrong += works(i % 2 == 0 ? *key : *other) ? 0 : 1; });
        EXPECT_EQ(faults().logouts, round);
    }
    EXPECT_EQ(wrong, 0);
}

TEST_F(Pkcs11Login, IsRepeatedForEachUseWhereNeeded) {
    const auto key = open(this->key());
    std::atomic<int> wrong = 0;
    faults().forgets_after_use = true;
    in_threads(8, [&](int) {
        for (int i = 0; i < 10; ++i) {
            wrong += works(*key) ? 0 : 1;
        }
    });
    EXPECT_EQ(wrong, 0);
}

TEST_F(Pkcs11Login, OtherOperationsKeepOneUseLogin) {
    faults().confirm_each = "a";
    const auto key = open(this->key("a"));
    const auto other = open(this->key("b"));
    std::atomic<int> wrong = 0;
    in_threads(8, [&](int i) {
        for (int times = 0; times < 20; ++times) {
            switch (i % 4) {
                case 0:
                    wrong += works(*other) ? 0 : 1;
                    break;
                case 1:
                    wrong += works(*open(this->key(times % 2 == 0 ? "a" : "b"))) ? 0 : 1;
                    break;
                default:
                    wrong += works(*key) ? 0 : 1;
            }
        }
    });
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(faults().denials, 0U);
}

TEST_F(Pkcs11Login, UsedUpOneUseLoginIsRepeated) {
    faults().confirm_each = "a";
    const auto key = open(this->key("a"));
    faults().disturb_once = true;
    EXPECT_TRUE(works(*key));
    EXPECT_EQ(faults().denials, 1U);
    EXPECT_EQ(faults().logouts, 0U) << "all other keys would lose their objects";
}

TEST_F(Pkcs11Login, TokenIsIdentifiedOnce) {
    const auto key = open(this->key());
    faults().infos = 0;
    faults().most_sessions = 8;
    in_threads(8, [&](int) {
        for (int times = 0; times < 5; ++times) {
            EXPECT_TRUE(works(*key));
        }
    });
    EXPECT_EQ(faults().infos, 0U) << "some cards forget the login over it";
}

TEST_F(Pkcs11Login, IsRepeatedOnceAndNotForEver) {
    const auto key = open(this->key());
    const Bytes wrapped = key->wrap(pattern(19));
    faults().deny_always = true;
    EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_FAILED);
    EXPECT_EQ(faults().logins, 3U) << "the second finds the login in place, and sends no PIN";
    EXPECT_EQ(faults().logouts, 1U);
    faults().deny_always = false;
    EXPECT_TRUE(works(*key));
}

TEST_F(Pkcs11Login, ChangedPinIsTriedOnce) {
    const auto key = open(this->key("a"));
    const auto other = open(this->key("b"));
    const Bytes wrapped = key->wrap(pattern(19));
    const Bytes wrapped_for_other = other->wrap(pattern(19));
    log_out_behind_its_back();
    faults().refuse_pin = true;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_WRONG_SECRET);
        EXPECT_EQ(other->decrypt(wrapped_for_other).status, ECRYPTFS_PKI_WRONG_SECRET);
        EXPECT_EQ(failure_to_open(abi(), this->key()).status, ECRYPTFS_PKI_WRONG_SECRET);
    }
    EXPECT_EQ(faults().logins, 2U);
    faults().refuse_pin = false;
    EXPECT_EQ(failure_to_open(abi(), this->key()).status, ECRYPTFS_PKI_WRONG_SECRET);
    take_out_and_put_back();
    EXPECT_TRUE(works(*open(this->key()))) << "it may be another card's PIN";
}

TEST_F(Pkcs11Login, NewPinRevivesAllKeys) {
    const auto key = open(this->key("a"));
    const Bytes wrapped = key->wrap(pattern(19));
    log_out_behind_its_back();
    faults().refuse_pin = true;
    EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_WRONG_SECRET);
    faults().refuse_pin = false;
    faults().pad = true;  // to the module another PIN, to SoftHSM the one that it knows
    faults().typed = kPin;
    const auto again = open({this->key("a").locator, ""});
    EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19));
    take_out_and_put_back();
}

TEST_F(Pkcs11Login, IsNotRepeatedWhenOneTryIsLeft) {
    const auto key = open(this->key());
    const Bytes wrapped = key->wrap(pattern(19));
    log_out_behind_its_back();
    faults().more_flags = CKF_USER_PIN_FINAL_TRY;
    EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_SECRET_LOCKED_OUT);
    EXPECT_EQ(faults().logins, 1U);
    faults().more_flags = 0;
    EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19)) << "once somebody reset the count";
}

TEST_F(Pkcs11Login, HiddenPublicHalfNeedsLogin) {
    faults().hide_public = true;
    EXPECT_EQ(failure_to_open(abi(), key_without_pin(), ECRYPTFS_PKI_USE_PUBLIC).status,
              ECRYPTFS_PKI_SECRET_REQUIRED);
    const OpenKey half(abi(), key(), ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(faults().sessions, 0U) << "the private half is not kept";
    const auto whole = open(key());
    EXPECT_EQ(whole->decrypt(half.wrap(pattern(19))).bytes, pattern(19));
    EXPECT_EQ(half.decrypt(half.wrap(pattern(19))).status, ECRYPTFS_PKI_FAILED);
}

TEST_F(Pkcs11Login, ReportsMissingPublicHalf) {
    faults().hide_public = true;
    faults().hide_numbers = true;
    const Outcome outcome = failure_to_open(abi(), key());
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_KEY);
    EXPECT_THAT(outcome.advice, HasSubstr("certificate"));
}

}  // namespace
}  // namespace ecryptfs::contract
