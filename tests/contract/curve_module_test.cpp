// SPDX-License-Identifier: Apache-2.0
//
// The contract of a module of keys of elliptic curves: it agrees with OpenSSL on what ECDH is.

#include <gtest/gtest.h>

#include "tests/contract/curve_keys.h"
#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {
namespace {

Bytes described_point(const OpenKey& key) {
    const auto description = key.describe();
    return {description.point, description.point + description.point_size};
}

TEST_P(CurveModule, DescribesItsKey) {
    for (const std::string& curve : subject().curves()) {
        const TestKey test_key = subject().curve_key(curve);
        const auto expected = point_of(*read_public_key(subject().public_key_of(test_key)));
        const auto number = curve == "P-256"   ? ECRYPTFS_PKI_P256
                            : curve == "P-384" ? ECRYPTFS_PKI_P384
                                               : ECRYPTFS_PKI_X25519;
        for (const auto use : {ECRYPTFS_PKI_USE_PRIVATE, ECRYPTFS_PKI_USE_PUBLIC}) {
            const OpenKey key(abi(), test_key, use);
            EXPECT_EQ(key.describe().curve, number);
            EXPECT_EQ(key.describe().modulus_size, 0U);
            EXPECT_EQ(key.describe().exponent_size, 0U);
            EXPECT_EQ(described_point(key), expected);
        }
    }
}

TEST_P(CurveModule, DerivesWhatOpensslDerives) {
    for (const std::string& curve : subject().curves()) {
        const TestKey test_key = subject().curve_key(curve);
        const auto public_key = read_public_key(subject().public_key_of(test_key));
        const OpenKey key(abi(), test_key);
        for (int i = 0; i < 5; ++i) {
            const auto peer = make_key(curve);
            const Outcome derived = key.derive(point_of(*peer));
            EXPECT_EQ(derived.status, ECRYPTFS_PKI_OK) << curve << ": " << derived.message;
            EXPECT_EQ(derived.bytes, derive_by_openssl(*peer, *public_key)) << curve;
        }
    }
}

TEST_P(CurveModule, KeepsLeadingZeros) {
    for (const std::string& curve : subject().curves()) {
        const TestKey test_key = subject().curve_key(curve);
        const auto public_key = read_public_key(subject().public_key_of(test_key));
        const auto peer = make_peer_of_leading_zero(curve, *public_key);
        EXPECT_EQ(OpenKey(abi(), test_key).derive(point_of(*peer)).bytes,
                  derive_by_openssl(*peer, *public_key));
    }
}

TEST_P(CurveModule, WrapsNoFileKeys) {
    for (const std::string& curve : subject().curves()) {
        const OpenKey key(abi(), subject().curve_key(curve));
        EXPECT_EQ(key.encrypt(pattern(19)).status, ECRYPTFS_PKI_NOT_SUPPORTED);
        EXPECT_EQ(key.decrypt(pattern(256)).status, ECRYPTFS_PKI_NOT_SUPPORTED);
        EXPECT_EQ(key.decrypt_oaep("SHA256", pattern(256)).status, ECRYPTFS_PKI_NOT_SUPPORTED);
    }
}

TEST_P(CurveModule, RefusesEcdhWithoutPrivateHalf) {
    for (const std::string& curve : subject().curves()) {
        const TestKey test_key = subject().curve_key(curve);
        const auto peer = point_of(*make_key(curve));
        const OpenKey half(abi(), test_key, ECRYPTFS_PKI_USE_PUBLIC);
        EXPECT_EQ(half.derive(peer).status, ECRYPTFS_PKI_FAILED);
        const OpenKey whole(abi(), test_key);
        EXPECT_EQ(whole.derive(peer, ECRYPTFS_PKI_MAX_SHARED - 1).status, ECRYPTFS_PKI_FAILED);
    }
}

}  // namespace
}  // namespace ecryptfs::contract
