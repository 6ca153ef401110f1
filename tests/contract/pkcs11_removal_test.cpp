// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong between the module pkcs11 and a token, and how it goes on.

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "tests/contract/shim_token.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;

class Pkcs11Removal : public ShimTest {};

TEST_F(Pkcs11Removal, FailsAtOnceWhileTokenIsAway) {
    const auto key = open(this->key());
    const Bytes wrapped = key->wrap(pattern(19));
    faults().removed = true;
    for (int i = 0; i < 3; ++i) {
        const Outcome outcome = key->decrypt(wrapped);
        EXPECT_EQ(outcome.status, ECRYPTFS_PKI_TOKEN_REMOVED);
        EXPECT_THAT(outcome.message, HasSubstr("token \"shim\""));
        EXPECT_NE(outcome.advice, "");
    }
    EXPECT_EQ(key->wrap(pattern(19)).size(), wrapped.size()) << "encrypting needs no token";
}

TEST_F(Pkcs11Removal, WorksAgainWithTheToken) {
    const auto key = open(this->key());
    const auto other = open(this->key("b"));
    const Bytes wrapped = key->wrap(pattern(19));
    for (unsigned i = 1; i <= 3; ++i) {
        faults().removed = true;
        EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_TOKEN_REMOVED);
        faults().removed = false;
        EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19));
        EXPECT_TRUE(works(*other));
        EXPECT_EQ(faults().logins, 1 + i);
    }
}

TEST_F(Pkcs11Removal, QuickReturnIsNoticed) {
    const auto key = open(this->key());
    faults().removed = true;
    EXPECT_EQ(
        failure_to_open(abi(), {this->key("b").locator + "&x-mechanism=rsa-pkcs", kPin}).status,
        ECRYPTFS_PKI_NOT_FOUND)
        << "which is when the shim closes the sessions";
    faults().removed = false;
    EXPECT_TRUE(works(*key));
    EXPECT_TRUE(works(*open(this->key("b"))));
}

TEST_F(Pkcs11Removal, FindsTokenInOtherSlot) {
    const auto key = open(this->key());
    faults().removed = true;
    EXPECT_EQ(key->decrypt(key->wrap(pattern(19))).status, ECRYPTFS_PKI_TOKEN_REMOVED);
    faults().slot_offset = 1000;
    faults().removed = false;
    EXPECT_TRUE(works(*key));
    EXPECT_TRUE(works(*open(this->key("b"))));
}

TEST_F(Pkcs11Removal, RefusesIndistinguishableTokens) {
    const auto key = open(this->key());
    faults().twins = true;
    const Outcome outcome = failure_to_open(abi(), this->key("b"));
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR);
    EXPECT_THAT(outcome.message, HasSubstr("there are two of token \"shim\""));
    EXPECT_EQ(faults().logins, 1U) << "it might be the other one's PIN";
    faults().twins = false;
    EXPECT_TRUE(works(*key));
    EXPECT_TRUE(works(*open(this->key("b"))));
}

TEST_F(Pkcs11Removal, DoesNotDelayClose) {
    auto key = open(this->key());
    faults().removed = true;
    key.reset();
    EXPECT_EQ(failure_to_open(abi(), this->key()).status, ECRYPTFS_PKI_NOT_FOUND);
    faults().removed = false;
    EXPECT_TRUE(works(*open(this->key())));
}

TEST_F(Pkcs11Removal, GivesThreadsNoWrongAnswer) {
    const auto key = open(this->key());
    const Bytes wrapped = key->wrap(pattern(19));
    std::atomic<bool> done = false;
    std::atomic<int> right = 0;
    std::mutex mutex;
    std::set<std::string> wrong;
    std::vector<std::thread> workers;
    for (int i = 0; i < 8; ++i) {
        workers.emplace_back([&] {
            while (!done) {
                const Outcome outcome = key->decrypt(wrapped);
                if (outcome.bytes == pattern(19)) {
                    ++right;
                } else if (outcome.status != ECRYPTFS_PKI_TOKEN_REMOVED) {
                    const std::scoped_lock lock(mutex);
                    wrong.insert(outcome.message);
                }
            }
        });
    }
    for (int i = 0; i < 20; ++i) {
        const int before = right;
        faults().removed = true;
        EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_TOKEN_REMOVED);
        faults().removed = false;
        while (right < before + 10) {
            std::this_thread::yield();
        }
    }
    done = true;
    for (auto& worker : workers) {
        worker.join();
    }
    EXPECT_THAT(wrong, testing::IsEmpty());
}

TEST_F(Pkcs11Removal, WaitsForScarceSessions) {
    faults().most_sessions = 2;
    const auto key = open(this->key());
    std::atomic<int> wrong = 0;
    std::vector<std::thread> workers;
    for (int i = 0; i < 8; ++i) {
        workers.emplace_back([&] {
            for (int times = 0; times < 20; ++times) {
                wrong += works(*key) ? 0 : 1;
            }
        });
    }
    for (auto& worker : workers) {
        worker.join();
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_LE(faults().sessions, 2U);
}

// One thread has the only session and wants to log in again, another wants a session to open a key.
TEST_F(Pkcs11Removal, OneSessionServesOpensAndUses) {
    faults().most_sessions = 1;
    const auto key = open(this->key());
    std::atomic<bool> done = false;
    std::atomic<int> right = 0;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> workers;
    for (int i = 0; i < 4; ++i) {
        workers.emplace_back([&, opens = i % 2 == 0] {
            while (!done) {
                ++((opens ? works(*open(this->key("b"))) : works(*key)) ? right : wrong);
            }
        });
    }
    for (int i = 0; i < 20; ++i) {
        const int before = right;
        faults().deny_once = true;
        while (right < before + 10 && wrong == 0) {
            std::this_thread::yield();
        }
    }
    done = true;
    for (auto& worker : workers) {
        worker.join();
    }
    EXPECT_EQ(wrong, 0);
}

TEST_F(Pkcs11Removal, RecoversFromUnfinishedOperation) {
    const auto key = open(this->key());
    faults().stay_active = true;
    EXPECT_TRUE(works(*key));
}

TEST_F(Pkcs11Removal, SurvivesEndlessBufferDemand) {
    const auto key = open(this->key());
    const Bytes wrapped = key->wrap(pattern(19));
    faults().too_small = true;
    EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_DECRYPT_FAILED);
    faults().too_small = false;
    EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19));
}

TEST_F(Pkcs11Removal, SurvivesExaggeratedOutputSize) {
    const auto key = open(this->key());
    const Bytes wrapped = key->wrap(pattern(19));
    faults().count_wrong = true;
    EXPECT_EQ(key->decrypt(wrapped).status, ECRYPTFS_PKI_DECRYPT_FAILED);
    faults().count_wrong = false;
    EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(19));
}

}  // namespace
}  // namespace ecryptfs::contract
