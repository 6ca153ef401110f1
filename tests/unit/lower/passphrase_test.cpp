// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/passphrase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "lib/lower/wrapping.h"
#include "lib/wire/auth_token.h"
#include "tests/unit/support.h"

namespace ecryptfs::lower {
namespace {

using base::as_bytes;
using base::as_text;
using base::ErrorCode;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::hex;
using test::pattern;
using test::read_file;
using test::Succeeds;

struct Vector {
    const char* file;
    std::string_view passphrase;
    Salt salt;
};

TEST(PassphraseKey, EqualsTokenOfEcryptfsUtils) {
    for (const auto& [file, passphrase, salt] : std::to_array<Vector>({
             {"pass-aes16.authtok.9d59cdc2eaf8d95e", "correct-horse", kDefaultSalt},
             {"addpass.authtok.e80b89d3427db0d3", "correct-horse", kNameSalt},
             {"pass-aes32-fnek.authtok.241defdd14eab0c2", "battery-staple", kDefaultSalt},
             {"pass-aes32-fnek.authtok.21e72551a9779b93", "battery-staple", kNameSalt},
             {"rsa-plus-pass.authtok.4effbc23256b813d", "recovery", kDefaultSalt},
         })) {
        const auto key = derive_passphrase_key(as_bytes(passphrase), salt);
        ASSERT_THAT(key, Succeeds());
        std::array<std::uint8_t, wire::kAuthTokenSize> token{};
        const auto encoded =
            wire::encode_passphrase_token({key->signature, key->key.view(), key->salt}, token);
        ASSERT_THAT(encoded, Succeeds());
        EXPECT_EQ(copy(*encoded), read_file(test::vectors() / file)) << file;
    }
}

TEST(PassphraseKey, RefusesPassphrasesThatEcryptfsRefuses) {
    EXPECT_THAT(derive_passphrase_key({}, kDefaultSalt),
                FailsWith(ErrorCode::kInvalidArgument, "1 to 64"));
    EXPECT_THAT(derive_passphrase_key(pattern(65), kDefaultSalt),
                FailsWith(ErrorCode::kInvalidArgument, "of 65 bytes"));
    EXPECT_THAT(derive_passphrase_key(pattern(64), kDefaultSalt), Succeeds());
}

WrappedPassphrase vector_v2() {
    return base::value_or_throw(
        parse_wrapped_passphrase(read_file(test::vectors() / "wrapped-v2")));
}

TEST(WrappedPassphrase, UnwrapsFileOfEcryptfsUtils) {
    const auto wrapped = vector_v2();
    EXPECT_EQ(wrapped.version, 2);
    const auto passphrase = unwrap_passphrase(wrapped, as_bytes("wrapping-pass"));
    ASSERT_THAT(passphrase, Succeeds());
    EXPECT_EQ(as_text(passphrase->view()), "mount-passphrase-1");
    EXPECT_EQ(encode_wrapped_passphrase(wrapped), read_file(test::vectors() / "wrapped-v2"));
}

TEST(WrappedPassphrase, UnwrapsVersion1) {
    const auto wrapped = parse_wrapped_passphrase(read_file(test::vectors() / "wrapped-v1"));
    ASSERT_THAT(wrapped, Succeeds());
    EXPECT_EQ(wrapped->version, 1);
    const auto passphrase = unwrap_passphrase(*wrapped, as_bytes("wrapping-pass"));
    ASSERT_THAT(passphrase, Succeeds());
    EXPECT_EQ(as_text(passphrase->view()), "mount-passphrase-1");
}

TEST(WrappedPassphrase, WrongPassphraseIsRefused) {
    EXPECT_THAT(unwrap_passphrase(vector_v2(), as_bytes("wrapping-past")),
                FailsWith(ErrorCode::kWrongSecret, "wrapping passphrase"));
}

TEST(WrappedPassphrase, EachSizeRoundTripsWithNewSalt) {
    const auto first = wrap_passphrase(as_bytes("a"), as_bytes("w"));
    for (const std::size_t size : {1U, 15U, 16U, 17U, 63U, 64U}) {
        const Bytes passphrase = pattern(size);
        const auto wrapped = wrap_passphrase(passphrase, as_bytes("w"));
        ASSERT_THAT(wrapped, Succeeds());
        EXPECT_NE(wrapped->salt, first->salt);
        const auto parsed = parse_wrapped_passphrase(encode_wrapped_passphrase(*wrapped));
        ASSERT_THAT(parsed, Succeeds());
        const auto unwrapped = unwrap_passphrase(*parsed, as_bytes("w"));
        ASSERT_THAT(unwrapped, Succeeds());
        EXPECT_EQ(copy(unwrapped->view()), passphrase);
    }
}

TEST(WrappedPassphrase, RefusesWhatCouldNotBeUnwrapped) {
    EXPECT_THAT(wrap_passphrase({}, as_bytes("w")), FailsWith(ErrorCode::kInvalidArgument, "64"));
    EXPECT_THAT(wrap_passphrase(pattern(65), as_bytes("w")),
                FailsWith(ErrorCode::kInvalidArgument, "64"));
    EXPECT_THAT(wrap_passphrase(hex("610062"), as_bytes("w")),
                FailsWith(ErrorCode::kInvalidArgument, "NUL"));
    EXPECT_THAT(wrap_passphrase(as_bytes("a"), {}), FailsWith(ErrorCode::kInvalidArgument, "64"));
}

struct MalformedFile {
    std::string bytes;
    std::string_view problem;
};

TEST(WrappedPassphrase, BadFileIsRefusedWithReasonAndByte) {
    const std::string salt = "0011223344556677";
    const std::string sig(32, '3');
    const std::string block(32, '7');
    for (const auto& [bytes, problem] : std::to_array<MalformedFile>({
             {"", "wrapped passphrase: signature needs 16 bytes, 0 are left (byte 0)"},
             {"3a02 0011", "wrapped passphrase: salt needs 8 bytes, 2 are left (byte 2)"},
             {"3a02" + salt + "3333", "signature needs 16 bytes, 2 are left (byte 10)"},
             {"3a02" + salt + std::string(32, '5'), "no lower-case hexadecimal digit (byte 10)"},
             {"3a03" + salt + sig + block, "no lower-case hexadecimal digit (byte 0)"},
             {"3a02" + salt + sig,
              "0 encrypted bytes, where 16, 32, 48 or 64 are expected (byte 26)"},
             {"3a02" + salt + sig + block + "77", "17 encrypted bytes"},
             {sig + block + block + block + block + block, "80 encrypted bytes"},
         })) {
        EXPECT_THAT(parse_wrapped_passphrase(hex(bytes)), FailsWith(ErrorCode::kMalformed, problem))
            << bytes;
    }
}

}  // namespace
}  // namespace ecryptfs::lower
