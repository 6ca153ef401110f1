// SPDX-License-Identifier: Apache-2.0
//
// Keys as a host of one's own opens them: signatures, the operations of folder keys, and what the
// host refuses before a module sees it.

#include "lib/pki/client/module_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstdlib>

#include "lib/base/base64url.h"
#include "lib/base/hex.h"
#include "tests/contract/curve_keys.h"
#include "tests/contract/temporary_folder.h"
#include "tests/fakes/build_under_test.h"
#include "tests/support/bytes.h"
#include "tests/support/matchers.h"

namespace ecryptfs::contract {
namespace {

using base::ErrorCode;
using pki::OaepDigest;
using pki::PublicKeyKind;
using test::FailsWith;
using test::pattern;

using Bytes = std::vector<std::uint8_t>;

class ModuleHostTest : public testing::Test {
  protected:
    pki::ModuleHost start(const std::string& module = "openssl") {
        const auto so = "modules/" + module + ".so";
        const auto folder = std::filesystem::path(test::built(so)).parent_path();
        return base::value_or_throw(
            pki::ModuleHost::start({test::host_program(), folder.string()}, module));
    }

    pki::ModuleHost::OpenedKey open(const evp_pkey_st& key) {
        const auto locator = folder_.write("key.pem", to_pem(key, PemForm::kPkcs8));
        return base::value_or_throw(host_.open_key(++number_, locator, base::NoSecret{}));
    }

    TemporaryFolder folder_;
    pki::ModuleHost host_ = start();
    std::uint64_t number_ = 0;
};

Bytes copy(const base::SecretBytes& secret) {
    return {secret.view().begin(), secret.view().end()};
}

const std::vector<std::pair<std::string, PublicKeyKind>> kCurves{
    {"P-256", PublicKeyKind::kP256},
    {"P-384", PublicKeyKind::kP384},
    {"X25519", PublicKeyKind::kX25519}};

TEST_F(ModuleHostTest, GivesPublicKeys) {
    const auto rsa = make_rsa_key(2048);
    const auto opened = open(*rsa);
    EXPECT_EQ(opened.public_key.kind, PublicKeyKind::kRsa);
    EXPECT_EQ(opened.public_key.modulus, numbers_of(*rsa).modulus);
    EXPECT_EQ(opened.public_key.exponent, numbers_of(*rsa).exponent);
    for (const auto& [curve, kind] : kCurves) {
        const auto key = make_key(curve);
        EXPECT_EQ(open(*key).public_key, (pki::PublicKey{kind, {}, {}, point_of(*key)}));
    }
}

// As other programs compute it from a JWK (RFC 7638).
TEST_F(ModuleHostTest, SignsCurveKeysByTheirJwkThumbprint) {
    const auto key = make_key("P-256");
    const auto point = point_of(*key);
    const base::ByteView bytes = point;
    const auto jwk = R"({"crv":"P-256","kty":"EC","x":")" +
                     base::to_base64url(bytes.subspan(1, 32)) + R"(","y":")" +
                     base::to_base64url(bytes.last(32)) + R"("})";
    std::array<std::uint8_t, 32> digest{};
    ASSERT_EQ(::EVP_Digest(jwk.data(), jwk.size(), digest.data(), nullptr, ::EVP_sha256(), nullptr),
              1);
    EXPECT_EQ(open(*key).signature.text(), base::to_hex(base::ByteView(digest).first(8)));
}

TEST_F(ModuleHostTest, DerivesWhatOpensslDerives) {
    for (const auto& [curve, kind] : kCurves) {
        const auto key = make_key(curve);
        const auto peer = make_peer_of_leading_zero(curve, *key);
        open(*key);
        const auto secret = host_.derive(number_, point_of(*peer));
        ASSERT_TRUE(secret) << secret.error().message;
        EXPECT_EQ(copy(*secret), derive_by_openssl(*peer, *key));
    }
}

TEST_F(ModuleHostTest, RefusesPointsOffTheCurve) {
    for (const auto& [curve, kind] : kCurves) {
        const auto key = make_key(curve);
        const auto peer = make_key(curve);
        open(*key);
        for (const auto& point : bad_points(point_of(*peer))) {
            EXPECT_THAT(
                host_.derive(number_, point),
                FailsWith(ErrorCode::kInvalidArgument, "no usable key of the curve " + curve));
        }
        EXPECT_TRUE(host_.derive(number_, point_of(*peer)));
    }
}

// The small orders of Curve25519 (RFC 7748, 6.1), of which every key makes the same secret.
TEST_F(ModuleHostTest, RefusesSecretsOfZeros) {
    open(*make_key("X25519"));
    Bytes one(32);
    one.front() = 1;
    const Bytes order_8{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
                        0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
                        0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
    for (const auto& point : {Bytes(32), one, order_8}) {
        EXPECT_THAT(host_.derive(number_, point),
                    FailsWith(ErrorCode::kInvalidArgument, "no usable key of the curve X25519"));
    }
}

// Before a module sees them: this one would take any.
TEST_F(ModuleHostTest, ChecksPointsForEveryModule) {
    auto host = start("faulty");
    const auto peer = point_of(*make_key("P-256"));
    ASSERT_TRUE(host.open_key(1, "faulty:curve", base::NoSecret{}));
    EXPECT_TRUE(host.derive(1, peer));
    for (const auto& point : bad_points(peer)) {
        EXPECT_THAT(host.derive(1, point), FailsWith(ErrorCode::kInvalidArgument, "P-256"));
    }
    ASSERT_TRUE(host.open_key(2, "faulty:curve-zeros", base::NoSecret{}));
    EXPECT_THAT(host.derive(2, peer), FailsWith(ErrorCode::kInvalidArgument, "P-256"));
    ASSERT_TRUE(host.open_key(3, "faulty:curve-short", base::NoSecret{}));
    EXPECT_THAT(host.derive(3, peer), FailsWith(ErrorCode::kModuleFailed, "of 31 bytes"));
    EXPECT_THAT(host.open_key(4, "faulty:curve-off", base::NoSecret{}),
                FailsWith(ErrorCode::kInvalidKey, "not of the curve P-256"));
}

TEST_F(ModuleHostTest, OlderModulesHaveNoFolderKeys) {
    for (const char* const version : {"1", "2", "3"}) {
        ::setenv("ECRYPTFS_FAULTY_ABI_VERSION", version, 1);
        auto host = start("faulty");
        ::unsetenv("ECRYPTFS_FAULTY_ABI_VERSION");
        const auto opened = host.open_key(1, "faulty:ok", base::NoSecret{});
        ASSERT_TRUE(opened) << opened.error().message;
        EXPECT_EQ(opened->public_key.kind, PublicKeyKind::kRsa);
        EXPECT_THAT(host.decrypt_oaep(1, OaepDigest::kSha1, pattern(128)),
                    FailsWith(ErrorCode::kNotSupported, "the PKI module faulty cannot unwrap"));
        EXPECT_THAT(host.derive(1, pattern(65)), FailsWith(ErrorCode::kNotSupported, "ECDH"));
        EXPECT_THAT(host.decrypt(1, pattern(128)), FailsWith(ErrorCode::kDecryptFailed, ""));
    }
}

TEST_F(ModuleHostTest, UnwrapsContentKeys) {
    const auto key = make_rsa_key(2048);
    const auto public_key = read_public_key(to_public_pem(*key));
    open(*key);
    for (const auto& [hash, digest] :
         {std::pair{"SHA1", OaepDigest::kSha1}, std::pair{"SHA256", OaepDigest::kSha256}}) {
        const auto wrapped = wrap_by_oaep(*public_key, hash, pattern(32));
        const auto unwrapped = host_.decrypt_oaep(number_, digest, wrapped);
        ASSERT_TRUE(unwrapped) << unwrapped.error().message;
        EXPECT_EQ(copy(*unwrapped), pattern(32));
        const auto other = digest == OaepDigest::kSha1 ? OaepDigest::kSha256 : OaepDigest::kSha1;
        EXPECT_THAT(host_.decrypt_oaep(number_, other, wrapped),
                    FailsWith(ErrorCode::kDecryptFailed, ""));
    }
}

TEST_F(ModuleHostTest, RefusesOperationsOfOtherKinds) {
    open(*make_rsa_key(2048));
    EXPECT_THAT(host_.derive(number_, point_of(*make_key("P-256"))),
                FailsWith(ErrorCode::kNotSupported, "ECDH"));
    open(*make_key("P-256"));
    EXPECT_THAT(host_.decrypt(number_, pattern(256)),
                FailsWith(ErrorCode::kNotSupported, "file keys"));
    EXPECT_THAT(host_.decrypt_oaep(number_, OaepDigest::kSha256, pattern(256)),
                FailsWith(ErrorCode::kNotSupported, "file keys"));
}

}  // namespace
}  // namespace ecryptfs::contract
