// SPDX-License-Identifier: Apache-2.0
//
// The cryptography of folder keys: the vectors of RFC 3394, 7515, 7517 and 7518, and what comes
// back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/base64url.h"
#include "lib/folderkey/folder_key.h"
#include "lib/folderkey/key_agreement.h"
#include "lib/folderkey/key_wrap.h"
#include "lib/folderkey/key_wrapping.h"
#include "lib/folderkey/passphrase_wrapping.h"
#include "tests/support/bytes.h"
#include "tests/support/matchers.h"
#include "tests/unit/folderkey/test_key.h"

namespace ecryptfs::test {
namespace {

using base::as_bytes;
using base::ErrorCode;
using base::from_base64url;
using base::to_base64url;
using folderkey::KeyWrapping;
using pki::OaepDigest;
using pki::PublicKeyKind;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::Eq;

constexpr auto kKinds = {PublicKeyKind::kRsa, PublicKeyKind::kP256, PublicKeyKind::kP384,
                         PublicKeyKind::kX25519};

TEST(Base64url, EqualsTheExampleOfTheRfc) {  // RFC 7515 appendix C
    EXPECT_EQ(to_base64url(Bytes{3, 236, 255, 224, 193}), "A-z_4ME");
    EXPECT_EQ(from_base64url("A-z_4ME"), (Bytes{3, 236, 255, 224, 193}));
}

TEST(Base64url, AnyBytesComeBack) {
    for (std::size_t size = 0; size < 70; ++size) {
        EXPECT_EQ(from_base64url(to_base64url(pattern(size, 200))), pattern(size, 200));
    }
}

TEST(Base64url, OtherFormsAreRefused) {
    for (const auto* text : {"A-z_4ME=", "A+z/4ME", "A-z_4M E", "A", "A-z_4", "A-z_4MF", "AB\n"}) {
        EXPECT_EQ(from_base64url(text), std::nullopt) << text;
    }
}

TEST(KeyWrap, EqualsTheVectorsOfRfc3394) {
    struct Vector {
        std::size_t key_size;
        std::size_t data_size;
        const char* wrapped;
    };
    const auto data = hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
    for (const auto& [key_size, data_size, wrapped] :
         std::vector<Vector>{{16, 16, "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5"},
                             {32, 32,
                              "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B "
                              "FB988B9B7A02DD21"}}) {
        const auto key = pattern(key_size, 0);
        const auto part = base::ByteView(data).first(data_size);
        const auto result = folderkey::wrap_key(key, part);
        ASSERT_THAT(result, Succeeds());
        EXPECT_EQ(*result, hex(wrapped));
        EXPECT_EQ(copy(folderkey::unwrap_key(key, *result)->view()), copy(part));
    }
}

TEST(KeyWrap, EachChangedByteIsFound) {
    const auto wrapped = folderkey::wrap_key(pattern(32), pattern(32, 50)).value();
    for (std::size_t i = 0; i < wrapped.size(); ++i) {
        auto changed = wrapped;
        changed[i] ^= 1;
        EXPECT_THAT(folderkey::unwrap_key(pattern(32), changed),
                    FailsWith(ErrorCode::kDecryptFailed, ""));
    }
}

TEST(KeyAgreement, EqualsAppendixCOfRfc7518) {
    const Bytes shared = {158, 86,  217, 29,  129, 113, 53,  211, 114, 131, 66,
                          131, 191, 132, 38,  156, 251, 49,  110, 163, 218, 128,
                          106, 72,  246, 218, 167, 121, 140, 254, 144, 196};
    const auto key =
        folderkey::derive_agreed_key(shared, "A128GCM", as_bytes("Alice"), as_bytes("Bob"), 16);
    ASSERT_THAT(key, Succeeds());
    EXPECT_EQ(to_base64url(key->view()), "VqqN6vgjbSBcIijNcacQGg");
}

TEST(KeyAgreement, PointOffTheCurveIsRefused) {
    for (const auto kind : {PublicKeyKind::kP256, PublicKeyKind::kP384}) {
        auto key = TestKey(kind).public_key();
        key.point.back() ^= 1;
        EXPECT_THAT(folderkey::make_agreement(key),
                    FailsWith(ErrorCode::kInvalidArgument, "point"));
    }
    // Of small order: the shared secret would be zero.
    const pki::PublicKey zero{PublicKeyKind::kX25519, {}, {}, Bytes(32)};
    EXPECT_FALSE(folderkey::make_agreement(zero));
}

TEST(Passphrase, EqualsAppendixCOfRfc7517) {
    constexpr folderkey::Pbes2 kHs256 = {"PBES2-HS256+A128KW", "SHA256", 16};
    const auto key = folderkey::derive_wrapping_key(
        kHs256, as_bytes("Thus from my lips, by yours, my sin is purged."),
        from_base64url("2WCTcJZ1Rvd_CJuJripQ1w").value(), 4096);
    ASSERT_THAT(key, Succeeds());
    EXPECT_THAT(copy(key->view()), ElementsAreArray({110, 171, 169, 92, 129, 92, 109, 117, 233, 242,
                                                     116, 233, 170, 14, 24, 75}));
    const auto content_key = folderkey::unwrap_key(
        key->view(),
        from_base64url("TrqXOwuNUfDV9VPTNbyGvEJ9JMjefAVn-TR1uIxR9p6hsRQh9Tk7BA").value());
    ASSERT_THAT(content_key, Succeeds());
    EXPECT_THAT(copy(content_key->view()),
                ElementsAreArray({111, 27,  25,  52, 66,  29,  20,  78, 92,  176, 56,
                                  240, 65,  208, 82, 112, 161, 131, 36, 55,  202, 236,
                                  185, 172, 129, 23, 153, 194, 195, 48, 253, 182}));
}

TEST(Passphrase, OnlyTheSamePassphraseUnwraps) {
    const auto recipient =
        folderkey::wrap_with_passphrase(pattern(32), as_bytes("geheim"), 100'000).value();
    EXPECT_EQ(copy(folderkey::unwrap_with_passphrase(recipient, as_bytes("geheim")).value().view()),
              pattern(32));
    EXPECT_THAT(folderkey::unwrap_with_passphrase(recipient, as_bytes("Geheim")),
                FailsWith(ErrorCode::kWrongSecret, "not the passphrase"));
    EXPECT_THAT(folderkey::wrap_with_passphrase(pattern(32), {}, 100'000),
                FailsWith(ErrorCode::kInvalidArgument, "empty"));
}

TEST(Passphrase, MoreTimeMeansMoreIterations) {
    using namespace std::chrono_literals;
    EXPECT_EQ(folderkey::measure_iterations(0ms), folderkey::kFewestIterations);
    EXPECT_EQ(folderkey::measure_iterations(1h), folderkey::kMostIterations);
}

TEST(PrivateKeys, OnlyTheSameKeyUnwraps) {
    for (const auto kind : kKinds) {
        TestKey key(kind);
        TestKey other(kind);
        for (const auto digest : {OaepDigest::kSha1, OaepDigest::kSha256}) {
            const auto recipient =
                folderkey::wrap_for_key(pattern(32), key.public_key(), digest).value();
            EXPECT_EQ(copy(folderkey::unwrap_with_key(recipient, key).value().view()), pattern(32));
            EXPECT_THAT(folderkey::unwrap_with_key(recipient, other),
                        FailsWith(ErrorCode::kDecryptFailed, ""));
        }
    }
}

TEST(FolderKey, SealedKeyComesBack) {
    const auto key = folderkey::create_folder_key().value();
    const auto sealed = folderkey::seal_folder_key(key).value();
    const auto back = folderkey::unseal_folder_key(sealed.file, sealed.content_key.view()).value();
    EXPECT_EQ(copy(back.contents.key.view()), copy(key.contents.key.view()));
    EXPECT_EQ(copy(back.names.key.view()), copy(key.names.key.view()));
    EXPECT_EQ(back.contents.signature, key.contents.signature);
    EXPECT_EQ(back.names.salt, lower::kNameSalt);
    EXPECT_NE(key.contents.signature, key.names.signature);
}

TEST(FolderKey, ImportedPassphraseHasItsSignatures) {
    const auto imported =
        folderkey::import_passphrase(as_bytes("correct-horse"), lower::kDefaultSalt,
                                     folderkey::NamesFrom::kNameSalt)
            .value();
    EXPECT_EQ(imported.contents.signature.text(), "9d59cdc2eaf8d95e");
    EXPECT_EQ(imported.names.signature.text(), "e80b89d3427db0d3");
    const auto sealed = folderkey::seal_folder_key(imported).value();
    EXPECT_EQ(sealed.file.names_signature, imported.names.signature);
    const auto one = folderkey::import_passphrase(as_bytes("correct-horse"), lower::kDefaultSalt,
                                                  folderkey::NamesFrom::kContentsKey)
                         .value();
    EXPECT_EQ(one.names.signature, imported.contents.signature);
}

TEST(FolderKey, ChangedFileIsFound) {
    const auto key = folderkey::create_folder_key().value();
    const auto sealed = folderkey::seal_folder_key(key).value();
    const auto other = folderkey::seal_folder_key(key).value();
    using Damage = void (*)(folderkey::FolderKeyFile&, const folderkey::FolderKeyFile&);
    const auto changes = std::to_array<Damage>({
        [](auto& file, const auto&) { file.ciphertext[100] ^= 1; },
        [](auto& file, const auto&) { file.tag[0] ^= 1; },
        [](auto& file, const auto&) { file.nonce[0] ^= 1; },
        [](auto& file, const auto& from) { file.protected_header = from.protected_header; },
        [](auto& file, const auto&) { file.names_signature = file.contents_signature; },
    });
    for (const auto change : changes) {
        auto file = sealed.file;
        change(file, other.file);
        EXPECT_THAT(folderkey::unseal_folder_key(file, sealed.content_key.view()),
                    FailsWith(ErrorCode::kDecryptFailed, "backup"));
    }
}

}  // namespace
}  // namespace ecryptfs::test
