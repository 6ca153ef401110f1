// SPDX-License-Identifier: Apache-2.0
//
// Which mechanism the module pkcs11 settles on, and what it does with each.

#include <gmock/gmock.h>
#include <openssl/crypto.h>
#include <p11-kit/pkcs11.h>

#include "tests/contract/shim_token.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;

class Pkcs11Mechanism : public ShimTest {};

TEST_F(Pkcs11Mechanism, IsOaepSha1WhereOffered) {
    const auto key = open(this->key());
    EXPECT_THAT(locator_of(*key), HasSubstr("?module-path="));
    EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=rsa-oaep-sha1")) << locator_of(*key);
    EXPECT_EQ(faults().decryptions, 1U) << "one trial";
    EXPECT_TRUE(works(*key));
}

TEST_F(Pkcs11Mechanism, IsOaepSha256WithoutSha1) {
    faults().refuse_oaep_sha1 = true;
    faults().offer_oaep_sha256 = true;
    const auto key = open(this->key());
    EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=rsa-oaep-sha256")) << locator_of(*key);
    EXPECT_TRUE(works(*key));
    EXPECT_EQ(key->decrypt(wrap_by_oaep(public_key(), "SHA256", pattern(19))).bytes, pattern(19));
}

TEST_F(Pkcs11Mechanism, IsRawWithoutOaep) {
    faults().refuse_oaep = true;
    const auto key = open(this->key());
    EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=rsa-raw-oaep-sha1")) << locator_of(*key);
    for (const std::size_t size : {1UL, 19UL, 67UL}) {
        const auto wrapped = wrap_by_oaep(public_key(), "SHA1", pattern(size));
        EXPECT_EQ(key->decrypt(wrapped).bytes, pattern(size));
    }
}

TEST_F(Pkcs11Mechanism, UnusualRefusalTriesTheNext) {
    faults().pad = true;
    faults().typed = kPin;
    for (const auto value : {CKR_ARGUMENTS_BAD, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR}) {
        faults().oaep_fails = value;
        const auto key = open({this->key().locator, ""});
        EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=rsa-raw-oaep-sha1"));
        EXPECT_TRUE(works(*key));
    }
    EXPECT_EQ(faults().logins, 3U) << "nobody types twice for it";
}

TEST_F(Pkcs11Mechanism, BrokenTokenHasNone) {
    faults().oaep_fails = CKR_FUNCTION_FAILED;
    faults().hide_raw = true;
    faults().refuse_pkcs1 = true;
    const Outcome outcome = failure_to_open(abi(), key());
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_FAILED);
    EXPECT_THAT(outcome.message, HasSubstr("C_DecryptInit"));
}

TEST_F(Pkcs11Mechanism, UnknownOneIsNotTried) {
    faults().hide_oaep = true;
    const auto key = open(this->key());
    EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=rsa-raw-oaep-sha1")) << locator_of(*key);
    EXPECT_EQ(faults().decryptions, 1U);
    EXPECT_TRUE(works(*key));
}

TEST_F(Pkcs11Mechanism, IsPkcs1AsLastResort) {
    faults().refuse_oaep = true;
    faults().refuse_raw = true;
    const auto key = open(this->key());
    EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=rsa-pkcs")) << locator_of(*key);
    for (const std::size_t size : {1UL, 19UL, 67UL}) {
        EXPECT_EQ(key->decrypt(key->wrap(pattern(size))).bytes, pattern(size));
    }
}

// Files that were made with it would be lost otherwise.
TEST_F(Pkcs11Mechanism, SettledOneStays) {
    for (const std::string name :
         {"rsa-oaep-sha1", "rsa-oaep-sha256", "rsa-raw-oaep-sha1", "rsa-pkcs"}) {
        faults().offer_oaep_sha256 = true;
        faults().decryptions = 0;
        const TestKey settled{key().locator + "&x-mechanism=" + name, kPin};
        const auto key = open(settled);
        EXPECT_EQ(faults().decryptions, 0U) << name;
        EXPECT_TRUE(locator_of(*key).ends_with("&x-mechanism=" + name)) << locator_of(*key);
        EXPECT_TRUE(works(*key)) << name;
        EXPECT_EQ(faults().decryptions, 1U) << name;
    }
}

TEST_F(Pkcs11Mechanism, IsTheSameForEncrypting) {
    faults().hide_oaep = true;
    const std::string settled = locator_of(*open(key()));
    EXPECT_EQ(locator_of(*open({settled, kPin})), settled);
    faults().hide_oaep = false;
    const OpenKey half(abi(), {settled}, ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(locator_of(half), settled);
    EXPECT_EQ(open({settled, kPin})->decrypt(half.wrap(pattern(19))).bytes, pattern(19));
}

TEST_F(Pkcs11Mechanism, EncryptingChoosesByWhatIsOffered) {
    EXPECT_EQ(locator_of(OpenKey(abi(), key_without_pin(), ECRYPTFS_PKI_USE_PUBLIC)),
              locator_of(*open(key())));
    faults().hide_oaep = true;
    faults().logins = 0;
    const OpenKey half(abi(), key_without_pin(), ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_THAT(locator_of(half), HasSubstr("x-mechanism=rsa-raw-oaep-sha1"));
    EXPECT_EQ(faults().logins, 0U);
}

TEST_F(Pkcs11Mechanism, SettledButMissingOneIsRefused) {
    faults().hide_oaep = true;
    const TestKey settled{key().locator + "&x-mechanism=rsa-oaep-sha1", kPin};
    const Outcome outcome = failure_to_open(abi(), settled);
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_NOT_SUPPORTED);
    EXPECT_THAT(outcome.message, HasSubstr("rsa-oaep-sha1"));
}

TEST_F(Pkcs11Mechanism, DecryptFailuresLookAlike) {
    const auto other = open(key("b"));
    for (const std::string name : {"rsa-oaep-sha1", "rsa-raw-oaep-sha1", "rsa-pkcs"}) {
        const auto key = open({this->key().locator + "&x-mechanism=" + name, kPin});
        const Bytes right = key->wrap(pattern(19));
        if (name == "rsa-pkcs" && ::OpenSSL_version_num() >= 0x30200000L) {
            continue;  // SoftHSM's library answers with random bytes from 3.2 on
        }
        const Outcome zeros = key->decrypt(Bytes(right.size()));
        EXPECT_EQ(zeros.status, ECRYPTFS_PKI_DECRYPT_FAILED) << name;
        Bytes damaged = right;
        damaged[100] = static_cast<std::uint8_t>(damaged[100] ^ 1U);
        for (const Bytes& wrong : {damaged, other->wrap(pattern(19)), Bytes(right.size(), 0xff),
                                   Bytes{}, Bytes(512, 1), Bytes(1, 1)}) {
            EXPECT_EQ(key->decrypt(wrong), zeros) << name;
        }
        EXPECT_TRUE(works(*key));
    }
}

TEST_F(Pkcs11Mechanism, RawOaepRefusesImpossibleSizes) {
    const auto key = open({this->key().locator + "&x-mechanism=rsa-raw-oaep-sha1", kPin});
    const Outcome damaged = key->decrypt(Bytes(256));
    for (const std::size_t size : {0UL, 68UL, 100UL}) {
        const auto wrapped = wrap_by_oaep(public_key(), "SHA1", pattern(size));
        EXPECT_EQ(key->decrypt(wrapped), damaged) << size;
    }
}

}  // namespace
}  // namespace ecryptfs::contract
