// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/file_key_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/lowerfs/support.h"

namespace ecryptfs::lowerfs {
namespace {

using base::ErrorCode;
using base::SecretBytes;
using lower::PassphraseKey;
using test::Bytes;
using test::correct_horse_key;
using test::FailsWith;
using test::hex;
using test::open_lower;
using test::Succeeds;
using wire::KeySignature;

// Of a file of one byte; version 3, encrypted, 8,192 bytes in front.
const std::string kFixedFields = "0000000000000001756a360549eb81f003000002000010000002";

// Private keys that count their operations, none of which decrypts anything.
class CountingPrivateKeys : public PrivateKeys {
  public:
    // Gives its signature.
    KeySignature add() {
        const auto signature = base::value_or_throw(
            KeySignature::from_text("000000000000000" + std::to_string(operations_.size())));
        operations_[signature] = 0;
        return signature;
    }
    int operations(const KeySignature& signature) const { return operations_.at(signature); }

    bool contains(const KeySignature& signature) const override {
        return operations_.contains(signature);
    }
    base::Result<SecretBytes> decrypt(const KeySignature& signature, base::ByteView) override {
        ++operations_.at(signature);
        return std::unexpected(base::Error{ErrorCode::kDecryptFailed, "not made for this key"});
    }

  private:
    std::map<KeySignature, int> operations_;
};

// A Tag 1 packet of 128 bytes that no key has encrypted.
std::string noise_for(const KeySignature& signature) {
    return "018a03" + std::string(signature.text()) + "01" + std::string(256, '7');
}

PassphraseKey copy_of(const PassphraseKey& key) {
    return {key.signature, base::value_or_throw(base::SecretBytes::copy(key.key.view())), key.salt};
}

PassphraseKey name_key_of(std::string_view passphrase) {
    return base::value_or_throw(
        lower::derive_passphrase_key(base::as_bytes(passphrase), lower::kNameSalt));
}

class FileKeySetTest : public ::testing::Test {
  protected:
    FileKeySetTest() {
        test::unpack_vector("pass-aes16.lower", folder_.path());
        file_ = open_lower(folder_.path() / "size-000001.bin");
    }

    const test::TemporaryFolder folder_;
    LowerFile file_;
};

TEST_F(FileKeySetTest, AddedPassphraseKeyOpensFile) {
    FileKeySet keys(nullptr);
    EXPECT_FALSE(keys.was_used(correct_horse_key().signature));
    keys.add_passphrase_key(copy_of(correct_horse_key()));
    const auto opened = keys.open(*file_.header);
    ASSERT_THAT(opened, Succeeds());
    EXPECT_EQ(test::copy(opened->fek.view()), test::copy(test::file_key_of(file_).fek.view()));
    EXPECT_TRUE(keys.was_used(correct_horse_key().signature));
}

TEST_F(FileKeySetTest, LooksUpPassphraseKeyOnce) {
    int lookups = 0;
    FileKeySet keys(nullptr, [&](const KeySignature& signature) {
        ++lookups;
        EXPECT_EQ(signature, correct_horse_key().signature);
        return base::value_or_throw(base::SecretBytes::copy(correct_horse_key().key.view()));
    });
    EXPECT_THAT(keys.open(*file_.header), Succeeds());
    EXPECT_THAT(keys.open(*file_.header), Succeeds());
    EXPECT_EQ(lookups, 1);
}

TEST_F(FileKeySetTest, LooksUpMissingKeyOnce) {
    int lookups = 0;
    FileKeySet keys(nullptr, [&](const KeySignature&) {
        ++lookups;
        return SecretBytes();
    });
    for (int i = 0; i < 2; ++i) {
        EXPECT_THAT(keys.open(*file_.header),
                    FailsWith(ErrorCode::kUnknownKey, "passphrase 9d59cdc2eaf8d95e"));
        EXPECT_FALSE(keys.has_key_for_packet(file_.header->packets.front()));
    }
    EXPECT_EQ(lookups, 1);
    EXPECT_FALSE(keys.was_used(correct_horse_key().signature));
}

TEST(FileKeySet, NamesKeysThatWouldOpenFile) {
    CountingPrivateKeys others;
    const auto absent = CountingPrivateKeys().add();
    const auto bytes = hex(kFixedFields + noise_for(absent));
    const auto header = base::value_or_throw(lower::parse_header(bytes));
    EXPECT_THAT(FileKeySet(&others).open(header),
                FailsWith(ErrorCode::kUnknownKey, "private key 0000000000000000"));
    EXPECT_THAT(FileKeySet(nullptr).open(header),
                FailsWith(ErrorCode::kUnknownKey, "private key 0000000000000000"));
}

TEST(FileKeySet, LimitsTriesOfPrivateKeys) {
    CountingPrivateKeys private_keys;
    std::vector<KeySignature> signatures;
    std::string packets;
    for (int key = 0; key < 5; ++key) {
        signatures.push_back(private_keys.add());
        for (int i = 0; i < 5; ++i) {
            packets += noise_for(signatures.back());
        }
    }
    const auto bytes = hex(kFixedFields + packets);
    const auto header = base::value_or_throw(lower::parse_header(bytes));
    ASSERT_EQ(header.packets.size(), 25U);
    FileKeySet keys(&private_keys);
    EXPECT_THAT(keys.open(header), FailsWith(ErrorCode::kDecryptFailed, "not made for this key"));
    for (std::size_t key = 0; key < 4; ++key) {
        EXPECT_EQ(private_keys.operations(signatures[key]), 2) << key;
    }
    EXPECT_EQ(private_keys.operations(signatures.back()), 0);
}

TEST(FileKeySet, DecryptsNamesOfFolder) {
    const test::TemporaryFolder folder;
    test::unpack_vector("pass-aes32-fnek.lower", folder.path());
    FileKeySet keys(nullptr);
    EXPECT_THAT(keys.plain_name("plain.txt"), Succeeds());
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        names.push_back(entry.path().filename());
        EXPECT_THAT(keys.plain_name(names.back()), FailsWith(ErrorCode::kUnknownKey, "21e72551"));
    }
    keys = FileKeySet(
        nullptr, [](const KeySignature&) { return std::move(name_key_of("battery-staple").key); });
    std::vector<std::string> plain;
    for (const auto& name : names) {
        plain.push_back(base::value_or_throw(keys.plain_name(name)));
    }
    EXPECT_THAT(plain, ::testing::IsSupersetOf(
                           {"sub", "size-004097.bin", "name with spaces.txt", "uni-éè-漢字.txt"}));
    EXPECT_EQ(base::value_or_throw(keys.plain_name(names.front() + " (1)")),
              plain.front() + " (1)");
    EXPECT_TRUE(keys.was_used(name_key_of("battery-staple").signature));
}

}  // namespace
}  // namespace ecryptfs::lowerfs
