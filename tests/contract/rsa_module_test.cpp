// SPDX-License-Identifier: Apache-2.0
//
// The contract of a module of RSA keys: it agrees with OpenSSL on what a key is and what OAEP is.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/contract/loaded_module.h"
#include "tests/contract/rsa_keys.h"

namespace ecryptfs::contract {
namespace {

TEST_P(RsaModule, DescribesItsKey) {
    for (const TestKey& test_key : subject().keys(2)) {
        const auto description = OpenKey(abi(), test_key).describe();
        const PublicNumbers numbers =
            numbers_of(*read_public_key(subject().public_key_of(test_key)));
        EXPECT_EQ(Bytes(description.modulus, description.modulus + description.modulus_size),
                  numbers.modulus);
        EXPECT_EQ(Bytes(description.exponent, description.exponent + description.exponent_size),
                  numbers.exponent);
    }
}

TEST_P(RsaModule, UnwrapsWhatOpensslWraps) {
    const TestKey test_key = subject().keys(1)[0];
    const auto public_key = read_public_key(subject().public_key_of(test_key));
    const OpenKey key(abi(), test_key);
    for (const std::size_t size : {1UL, 19UL, 67UL}) {
        const Bytes wrapped = wrap_by_oaep(*public_key, subject().oaep_hash(), pattern(size));
        EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(size));
    }
}

TEST_P(RsaModule, UnwrapsContentKeysByEachHash) {
    const TestKey test_key = subject().oaep_key();
    const auto public_key = read_public_key(subject().public_key_of(test_key));
    const OpenKey key(abi(), test_key);
    const std::size_t modulus_size = key.describe().modulus_size;
    for (const std::string& hash : subject().oaep_hashes()) {
        const std::size_t most = modulus_size - (hash == "SHA1" ? 42 : 66);
        for (const std::size_t size : {std::size_t{1}, std::size_t{32}, std::size_t{64}, most}) {
            const Bytes wrapped = wrap_by_oaep(*public_key, hash, pattern(size));
            const Outcome unwrapped = key.decrypt_oaep(hash, wrapped);
            EXPECT_EQ(unwrapped.status, ECRYPTFS_PKI_OK) << hash << ": " << unwrapped.message;
            EXPECT_EQ(unwrapped.bytes, pattern(size)) << hash;
        }
    }
}

TEST_P(RsaModule, SaysWhichHashItLacks) {
    const OpenKey key(abi(), subject().oaep_key());
    const auto hashes = subject().oaep_hashes();
    for (const std::string hash : {"SHA1", "SHA256"}) {
        const bool can = std::ranges::find(hashes, hash) != hashes.end();
        EXPECT_EQ(key.decrypt_oaep(hash, Bytes(key.describe().modulus_size, 1)).status,
                  can ? ECRYPTFS_PKI_DECRYPT_FAILED : ECRYPTFS_PKI_NOT_SUPPORTED)
            << hash;
    }
}

TEST_P(RsaModule, ContentKeyFailuresLookAlike) {
    const TestKey test_key = subject().oaep_key();
    const auto public_key = read_public_key(subject().public_key_of(test_key));
    const OpenKey key(abi(), test_key);
    const std::string hash = subject().oaep_hashes().front();
    const Bytes right = wrap_by_oaep(*public_key, hash, pattern(32));
    const Outcome damaged = key.decrypt_oaep(hash, Bytes(right.size()));
    EXPECT_EQ(damaged.status, ECRYPTFS_PKI_DECRYPT_FAILED);
    std::vector<Bytes> wrong{{}, {right.begin(), right.end() - 1}, right, right, right};
    wrong[2].push_back(0);
    wrong[3].back() ^= 1U;
    wrong[4].front() ^= 0x80U;
    wrong.push_back(wrap_by_oaep(*public_key, hash == "SHA1" ? "SHA256" : "SHA1", pattern(32)));
    wrong.emplace_back(right.size(), std::uint8_t{0xff});
    for (const Bytes& bytes : wrong) {
        EXPECT_EQ(key.decrypt_oaep(hash, bytes), damaged);
    }
    EXPECT_EQ(key.decrypt_oaep(hash, right).bytes, pattern(32));
}

TEST_P(RsaModule, RefusesContentKeysWithoutPrivateHalf) {
    const TestKey test_key = subject().oaep_key();
    const auto public_key = read_public_key(subject().public_key_of(test_key));
    const std::string hash = subject().oaep_hashes().front();
    const Bytes wrapped = wrap_by_oaep(*public_key, hash, pattern(32));
    const OpenKey half(abi(), test_key, ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(half.decrypt_oaep(hash, wrapped).status, ECRYPTFS_PKI_FAILED);
    const OpenKey whole(abi(), test_key);
    EXPECT_EQ(whole.decrypt_oaep(hash, wrapped, ECRYPTFS_PKI_MAX_WRAPPED_KEY - 1).status,
              ECRYPTFS_PKI_FAILED);
}

TEST_P(RsaModule, DoesNoEcdh) {
    const OpenKey key(abi(), subject().oaep_key());
    EXPECT_EQ(key.derive(Bytes(65, 4)).status, ECRYPTFS_PKI_NOT_SUPPORTED);
    EXPECT_EQ(key.describe().curve, ECRYPTFS_PKI_NO_CURVE);
}

TEST_P(RsaModule, WrapsTheSameFileKeyDifferentlyEachTime) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    std::set<Bytes> wrapped;
    for (int i = 0; i < 10; ++i) {
        wrapped.insert(key.wrap(pattern(19)));
    }
    EXPECT_EQ(wrapped.size(), 10U);
}

// One wrapped key in 256 begins with a zero, which a program that writes MPIs leaves off.
TEST_P(RsaModule, UnwrapsWithoutLeadingZeros) {
    const OpenKey key(abi(), subject().keys(1)[0]);
    Bytes wrapped;
    do {
        wrapped = key.wrap(pattern(19));
    } while (wrapped[0] != 0);
    EXPECT_EQ(key.decrypt(wrapped).bytes, pattern(19));
    const auto digits = std::ranges::find_if(wrapped, [](std::uint8_t byte) { return byte != 0; });
    EXPECT_EQ(key.decrypt(Bytes(digits, wrapped.end())).bytes, pattern(19));
}

TEST_P(RsaModule, ImpossibleSizesDoNotUnwrap) {
    const TestKey test_key = subject().keys(1)[0];
    const auto public_key = read_public_key(subject().public_key_of(test_key));
    const OpenKey key(abi(), test_key);
    const Outcome damaged = key.decrypt(Bytes(key.describe().modulus_size));
    for (const std::size_t size : {0UL, 68UL, 100UL}) {
        const Bytes wrapped = wrap_by_oaep(*public_key, subject().oaep_hash(), pattern(size));
        EXPECT_EQ(key.decrypt(wrapped), damaged) << size;
    }
    const std::string other_hash = subject().oaep_hash() == "SHA1" ? "SHA256" : "SHA1";
    EXPECT_EQ(key.decrypt(wrap_by_oaep(*public_key, other_hash, pattern(19))), damaged);
}

}  // namespace
}  // namespace ecryptfs::contract
