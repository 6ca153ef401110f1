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
