// SPDX-License-Identifier: Apache-2.0
//
// The contract of a module whose keys can need a secret.

#include <gmock/gmock.h>

#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_P(SecretModule, SecretOpensKey) {
    const OpenKey key(abi(), subject().key_with_secret());
    EXPECT_EQ(key.decrypt(key.wrap(pattern(19))).bytes, pattern(19));
}

TEST_P(SecretModule, MissingSecretIsReported) {
    const std::string locator = subject().key_with_secret().locator;
    for (const TestKey& key : {TestKey{locator}, TestKey{locator, ""}}) {
        const Outcome outcome = failure_to_open(abi(), key);
        EXPECT_EQ(outcome.status, ECRYPTFS_PKI_SECRET_REQUIRED);
        EXPECT_NE(outcome.advice, "");
    }
}

TEST_P(SecretModule, WrongSecretIsRefusedOnOpen) {
    const Outcome outcome =
        failure_to_open(abi(), {subject().key_with_secret().locator, subject().wrong_secret()});
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_WRONG_SECRET);
}

TEST_P(SecretModule, MessagesNeverNameTheSecret) {
    const std::string wrong = subject().wrong_secret();
    const Outcome outcome = failure_to_open(abi(), {subject().key_with_secret().locator, wrong});
    EXPECT_THAT(outcome.message, Not(HasSubstr(wrong)));
    EXPECT_THAT(outcome.advice, Not(HasSubstr(wrong)));
}

TEST_P(SecretModule, OpensKeyAfterWrongSecret) {
    const TestKey test_key = subject().key_with_secret();
    EXPECT_EQ(failure_to_open(abi(), {test_key.locator, subject().wrong_secret()}).status,
              ECRYPTFS_PKI_WRONG_SECRET);
    const OpenKey key(abi(), test_key);
    EXPECT_EQ(key.decrypt(key.wrap(pattern(19))).bytes, pattern(19));
}

TEST_P(SecretModule, PublicHalfNeedsNoSecret) {
    const TestKey test_key = subject().key_with_secret();
    const TestKey without_secret{test_key.locator};
    if (subject().public_half_needs_secret()) {
        EXPECT_EQ(failure_to_open(abi(), without_secret, ECRYPTFS_PKI_USE_PUBLIC).status,
                  ECRYPTFS_PKI_SECRET_REQUIRED);
        return;
    }
    const OpenKey public_half(abi(), without_secret, ECRYPTFS_PKI_USE_PUBLIC);
    const OpenKey whole(abi(), test_key);
    EXPECT_EQ(whole.decrypt(public_half.wrap(pattern(19))).bytes, pattern(19));
}

}  // namespace
}  // namespace ecryptfs::contract
