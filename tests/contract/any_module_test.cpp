// SPDX-License-Identifier: Apache-2.0
//
// The contract that every module keeps: one call at a time.

#include <gmock/gmock.h>

#include <set>

#include "tests/contract/elf_symbols.h"
#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {
namespace {

constexpr std::size_t kMaxFileKey = ECRYPTFS_PKI_MAX_FILE_KEY;

TEST_P(AnyModule, ExportsOneSymbol) {
    EXPECT_THAT(exported_symbols(GetParam().so_path),
                testing::ElementsAre("ecryptfs_pki_get_module"));
}

TEST_P(AnyModule, IntroducesItself) {
    EXPECT_EQ(abi().abi_version, ECRYPTFS_PKI_ABI_VERSION);
    EXPECT_THAT(abi().name, testing::MatchesRegex("[a-z0-9-]+"));
    EXPECT_LE(std::string_view(abi().name).size(), 16U);
    EXPECT_TRUE(GetParam().so_path.ends_with("/" + std::string(abi().name) + ".so"));
    EXPECT_STRNE(abi().version, "");
    EXPECT_STRNE(abi().description, "");
}

TEST_P(AnyModule, UnwrapsFileKeysOfEverySize) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    for (std::size_t size = 1; size <= kMaxFileKey; ++size) {
        const Bytes file_key = pattern(size);
        const Outcome unwrapped = key.decrypt(key.wrap(file_key));
        ASSERT_EQ(unwrapped.status, ECRYPTFS_PKI_OK) << unwrapped.message;
        ASSERT_EQ(unwrapped.bytes, file_key);
    }
}

TEST_P(AnyModule, UnwrapsFileKeysOfZeros) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    for (const std::size_t size : {1UL, 19UL, kMaxFileKey}) {
        EXPECT_EQ(key.decrypt(key.wrap(Bytes(size))).bytes, Bytes(size));
    }
}

TEST_P(AnyModule, WrapsIntoTheSizeOfTheModulus) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    const std::size_t modulus_size = key.describe().modulus_size;
    for (const std::size_t size : {1UL, 19UL, kMaxFileKey}) {
        EXPECT_EQ(key.wrap(pattern(size)).size(), modulus_size);
        EXPECT_EQ(key.encrypt(pattern(size), modulus_size).bytes.size(), modulus_size);
    }
}

TEST_P(AnyModule, UnwrapsIntoSmallestBuffer) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    const Bytes file_key = pattern(kMaxFileKey);
    EXPECT_EQ(key.decrypt(key.wrap(file_key), kMaxFileKey).bytes, file_key);
}

TEST_P(AnyModule, RefusesTooSmallBuffers) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    const Bytes wrapped = key.wrap(pattern(kMaxFileKey));
    for (const std::size_t room : {std::size_t{0}, std::size_t{1}, wrapped.size() - 1}) {
        EXPECT_NE(key.encrypt(pattern(19), room).status, ECRYPTFS_PKI_OK) << room;
    }
    for (const std::size_t room : {std::size_t{0}, std::size_t{1}, kMaxFileKey - 1}) {
        EXPECT_NE(key.decrypt(wrapped, room).status, ECRYPTFS_PKI_OK) << room;
    }
}

TEST_P(AnyModule, RefusesToWrapImpossibleSizes) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    EXPECT_NE(key.encrypt({}).status, ECRYPTFS_PKI_OK);
    EXPECT_NE(key.encrypt(pattern(kMaxFileKey + 1)).status, ECRYPTFS_PKI_OK);
    EXPECT_NE(key.encrypt(pattern(ECRYPTFS_PKI_MAX_WRAPPED_KEY)).status, ECRYPTFS_PKI_OK);
}

// Everything that can come from a damaged or foreign lower file.
std::vector<Bytes> bytes_not_wrapped_for(const OpenKey& key, const OpenKey& other_key) {
    const Bytes right = key.wrap(pattern(19));
    std::vector<Bytes> wrong;
    for (const std::size_t at : {std::size_t{0}, right.size() / 2, right.size() - 1}) {
        for (const int bit : {0x01, 0x80}) {
            wrong.push_back(right);
            wrong.back()[at] = static_cast<std::uint8_t>(wrong.back()[at] ^ bit);
        }
    }
    wrong.push_back(other_key.wrap(pattern(19)));
    wrong.push_back({});
    wrong.push_back({right.begin(), right.begin() + 1});
    wrong.push_back({right.begin(), right.end() - 1});
    wrong.push_back(right);
    wrong.back().push_back(0);
    wrong.emplace_back(right.size(), std::uint8_t{0});
    wrong.emplace_back(right.size(), std::uint8_t{0xff});
    wrong.emplace_back(ECRYPTFS_PKI_MAX_WRAPPED_KEY, std::uint8_t{1});
    return wrong;
}

TEST_P(AnyModule, DecryptFailuresLookAlike) {
    const auto keys = subject().keys(2);
    const OpenKey key(abi(), keys[0]);
    const OpenKey other_key(abi(), keys[1]);
    const auto wrong = bytes_not_wrapped_for(key, other_key);
    const Outcome first = key.decrypt(wrong[0]);
    EXPECT_EQ(first.status, ECRYPTFS_PKI_DECRYPT_FAILED);
    for (const Bytes& bytes : wrong) {
        EXPECT_EQ(key.decrypt(bytes), first);
    }
}

TEST_P(AnyModule, StillUnwrapsAfterAFailure) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    const Bytes wrapped = key.wrap(pattern(19));
    EXPECT_EQ(key.decrypt(Bytes(wrapped.size())).status, ECRYPTFS_PKI_DECRYPT_FAILED);
    EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(19));
}

TEST_P(AnyModule, DescribesKeyThatFitsTheKernel) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    const auto description = key.describe();
    EXPECT_GE(description.modulus_size, 128U);
    EXPECT_LE(description.modulus_size, std::size_t{ECRYPTFS_PKI_MAX_WRAPPED_KEY});
    EXPECT_NE(description.modulus[0], 0);
    EXPECT_GE(description.exponent_size, 1U);
    EXPECT_LE(description.exponent_size, std::size_t{ECRYPTFS_PKI_MAX_EXPONENT});
    EXPECT_NE(description.exponent[0], 0);
}

TEST_P(AnyModule, DescribesDifferentKeysDifferently) {
    std::set<Bytes> moduli;
    for (const TestKey& key : subject().keys(4)) {
        const auto description = OpenKey(abi(), key).describe();
        moduli.emplace(description.modulus, description.modulus + description.modulus_size);
    }
    EXPECT_EQ(moduli.size(), 4U);
}

TEST_P(AnyModule, PublicHalfOnlyEncrypts) {
    const TestKey test_key = subject().keys(1)[0];
    const OpenKey public_half(abi(), test_key, ECRYPTFS_PKI_USE_PUBLIC);
    const OpenKey whole(abi(), test_key);
    const Bytes wrapped = public_half.wrap(pattern(19));
    EXPECT_EQ(whole.decrypt(wrapped).bytes, pattern(19));
    EXPECT_EQ(public_half.decrypt(wrapped).status, ECRYPTFS_PKI_FAILED);
}

TEST_P(AnyModule, PublicHalfHasTheSameNumbers) {
    const TestKey test_key = subject().keys(1)[0];
    const auto half = OpenKey(abi(), test_key, ECRYPTFS_PKI_USE_PUBLIC).describe();
    const auto whole = OpenKey(abi(), test_key).describe();
    EXPECT_EQ(Bytes(half.modulus, half.modulus + half.modulus_size),
              Bytes(whole.modulus, whole.modulus + whole.modulus_size));
    EXPECT_EQ(Bytes(half.exponent, half.exponent + half.exponent_size),
              Bytes(whole.exponent, whole.exponent + whole.exponent_size));
}

TEST_P(AnyModule, ReportsMissingKey) {
    for (const auto use : {ECRYPTFS_PKI_USE_PRIVATE, ECRYPTFS_PKI_USE_PUBLIC}) {
        EXPECT_EQ(failure_to_open(abi(), subject().absent_key(), use).status,
                  ECRYPTFS_PKI_NOT_FOUND);
    }
}

TEST_P(AnyModule, RefusesForeignLocators) {
    for (const std::string& locator : {std::string(), std::string("no URI"),
                                       std::string("http://h/k"), subject().malformed_locator()}) {
        const Outcome outcome = failure_to_open(abi(), {locator});
        EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR) << locator;
        EXPECT_NE(outcome.advice, "") << locator;
    }
}

TEST_P(AnyModule, EndlessLocatorKeepsMessagesBounded) {
    const std::string end(10000, 'x');
    for (const std::string& start : {std::string(), subject().absent_key().locator}) {
        EXPECT_NE(failure_to_open(abi(), {start + end}).status, ECRYPTFS_PKI_OK);
    }
}

}  // namespace
}  // namespace ecryptfs::contract
