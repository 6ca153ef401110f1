// SPDX-License-Identifier: Apache-2.0
//
// Requests that cannot be served for the state of their key: one failing answer, at once, that says
// why.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>

#include "lib/wire/auth_token.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

constexpr char kSomeSignature[] = "0123456789abcdef";
constexpr std::size_t kPkiTypeAt = 653;  // docs/protocol.md section 4

// The payload with another PKI type in it, which need not be one.
Bytes with_pki_type(Bytes payload, std::string_view name) {
    std::fill_n(payload.begin() + kPkiTypeAt, 17, std::uint8_t{0});
    std::ranges::copy(name, payload.begin() + kPkiTypeAt);
    return payload;
}

class UnusableKeyTest : public AgentTest {
  protected:
    void SetUp() override { start_agent(); }

    // Neither operation works. What took too long would fail as such.
    void expect_failure(const std::string& signature, ErrorCode why) {
        SCOPED_TRACE(base::traits(why).name);
        for (const bool decrypt : {true, false}) {
            const auto answer = decrypt ? kernel_.decrypt(signature, Bytes(128, 1))
                                        : kernel_.encrypt(signature, make_file_key(16));
            EXPECT_THAT(answer, FailsFor(why));
        }
    }
};

TEST_F(UnusableKeyTest, UnknownKeyFails) {
    expect_failure(kSomeSignature, ErrorCode::kUnknownKey);
    EXPECT_EQ(queue()["failed_by_reason"], Json({{"UnknownKey", 2}}));
}

TEST_F(UnusableKeyTest, LockedKeyOnlyEncrypts) {
    const auto signature = add({"faulty:secret", "--module", "faulty"}, "open sesame");
    const auto file_key = make_file_key(16);
    const auto encrypted = wrapped(signature, file_key);
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
    EXPECT_EQ(wrapped(signature, file_key), encrypted);
    ASSERT_EQ(ctl({"unlock", signature, "--passphrase-file", "-"}, "open sesame").exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key));
}

TEST_F(UnusableKeyTest, LockOfAllKeysFailsDecrypt) {
    const auto signature = add_k2048();
    const auto encrypted = wrapped(signature, make_file_key(16));
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
}

TEST_F(UnusableKeyTest, MalformedTokenFails) {
    const auto good = token_payload(kSomeSignature, "example", "example:a");
    auto other_version = good;
    other_version[0] = 5;
    auto other_type = good;
    other_type[2] = 7;
    auto endless = good;
    endless[632] = 0xff;  // data_len
    Bytes passphrase(wire::kAuthTokenSize);
    const Bytes fekek(64, 3);
    const Bytes salt(8, 4);
    ASSERT_TRUE(wire::encode_passphrase_token(
        {base::value_or_throw(wire::KeySignature::from_text(kSomeSignature)), fekek, salt},
        passphrase));
    const std::vector<Bytes> payloads = {
        other_version,
        other_type,
        endless,
        passphrase,
        Bytes(1, 'x'),
        Bytes(700, 'x'),
        Bytes(15'000, 0),
        Bytes(good.begin(), good.begin() + 600),
        token_payload("fedcba9876543210", "example", "example:a"),
        token_payload(kSomeSignature, "example", "no locator"),
        token_payload(kSomeSignature, "openssl", std::string("\x04\x00/x", 4)),
        with_pki_type(good, "../../etc"),
        with_pki_type(good, "OpenSSL"),
        with_pki_type(good, ""),
        with_pki_type(good, "a.b"),
        with_pki_type(good, "seventeen-letters"),
    };
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        SCOPED_TRACE(i);
        put_token(kSomeSignature, payloads[i]);  // in the place of the last
        expect_failure(kSomeSignature, ErrorCode::kInvalidToken);
    }
}

TEST_F(UnusableKeyTest, MissingModuleFails) {
    put_token(kSomeSignature, "nosuch", "nosuch:key");
    expect_failure(kSomeSignature, ErrorCode::kUnknownModule);
    EXPECT_EQ(key(kSomeSignature)["state"], "unusable");
}

TEST_F(UnusableKeyTest, MissingModulesLeaveRoomForOthers) {
    // More than there may be hosts; not more than the quota bears, as the kernel frees keys in its
    // own time.
    for (int i = 0; i < 18; ++i) {
        const auto signature = fmt::format("{:016x}", i);
        const auto serial = put_token(signature, fmt::format("nosuch{}", i), "nosuch:key");
        EXPECT_THAT(kernel_.encrypt(signature, make_file_key(16)),
                    FailsFor(ErrorCode::kUnknownModule));
        remove_token(serial);
    }
    expect_round_trip(add({"example:a", "--module", "example"}));
}

TEST_F(UnusableKeyTest, EndlessLocatorDelaysNoOtherKey) {
    put_token(kSomeSignature, "example", "example:" + std::string(8'000, 'a'));
    for (int i = 0; i < 10; ++i) {
        expect_failure(kSomeSignature, ErrorCode::kInvalidToken);
    }
    expect_round_trip(add({"example:a", "--module", "example"}));
}

TEST_F(UnusableKeyTest, RevokedOrUnlinkedTokenFailsAtOnce) {
    const auto signature = add({"example:a", "--module", "example"});
    const auto encrypted = wrapped(signature, make_file_key(16));
    const auto serial = key(signature)["serial"].get<std::int32_t>();
    ASSERT_EQ(::keyctl_revoke(serial), 0);
    expect_failure(signature, ErrorCode::kKeyRevoked);
    EXPECT_EQ(key(signature)["state"], "revoked");
    remove_token(serial);
    expect_failure(signature, ErrorCode::kUnknownKey);
    EXPECT_EQ(key(signature), nullptr);
    EXPECT_EQ(add({"example:a", "--module", "example"}), signature);
    EXPECT_EQ(kernel_.decrypt(signature, encrypted).status, 0);
}

TEST_F(UnusableKeyTest, ExpiredKeyFails) {
    const auto signature = add({"example:a", "--module", "example", "--timeout", "1"});
    Answer answer;
    wait_until("the key expires", [&] {
        answer = kernel_.encrypt(signature, make_file_key(16));
        return answer.status != 0;
    });
    EXPECT_THAT(answer, FailsFor(ErrorCode::kKeyExpired));
    EXPECT_EQ(key(signature)["state"], "expired");
}

TEST_F(UnusableKeyTest, FileWithOtherKeyFails) {
    const auto file = folder_.file("key.pem", "");
    const auto overwrite = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(vector_key("k2048p8.pem"), file, overwrite);
    const auto signature = add({file}, "p8secret");
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    std::filesystem::copy_file(vector_key("k2048.pem"), file, overwrite);
    EXPECT_EQ(ctl({"unlock", signature, "--passphrase-file", "-"}, "secret").exit_code,
              code(ErrorCode::kInvalidKey));
    EXPECT_EQ(key(signature)["state"], "locked");
}

TEST_F(UnusableKeyTest, SessionKeyIsServedBySerial) {
    const auto signature = add({"example:a", "--module", "example", "--keyring", "session"});
    EXPECT_EQ(user_keyring_size(), 0U);
    expect_round_trip(signature);
    EXPECT_EQ(key(signature)["keyring"], "session");
    ASSERT_EQ(::keyctl_revoke(key(signature)["serial"].get<std::int32_t>()), 0);
    expect_failure(signature, ErrorCode::kKeyRevoked);
}

}  // namespace
}  // namespace ecryptfs::test
