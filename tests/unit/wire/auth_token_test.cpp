// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/auth_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/sha.h>

#include <array>

#include "tests/unit/support.h"

namespace ecryptfs::wire {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::pattern;
using test::Succeeds;

KeySignature signature(std::string_view text) {
    return base::value_or_throw(KeySignature::from_text(text));
}

PkiType pki_type(std::string_view text) {
    return base::value_or_throw(PkiType::from_text(text));
}

// The tokens that ecryptfs-utils made: tests/vectors/README.md.
std::vector<std::filesystem::path> token_files() {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(test::vectors())) {
        if (entry.path().filename().string().find(".authtok.") != std::string::npos) {
            files.push_back(entry.path());
        }
    }
    EXPECT_EQ(files.size(), 10U);
    return files;
}

std::string signature_in_name(const std::filesystem::path& file) {
    return file.extension().string().substr(1);
}

TEST(AuthToken, EcryptfsUtilsTokensParse) {
    for (const auto& file : token_files()) {
        const Bytes payload = test::read_file(file);
        const auto token = parse_auth_token(payload);
        ASSERT_THAT(token, Succeeds()) << file;
        const auto found =
            std::visit([](const auto& some) { return std::string(some.signature.text()); }, *token);
        EXPECT_EQ(found, signature_in_name(file)) << file;
    }
}

Bytes encoded(const PrivateKeyToken& token) {
    return encode_private_key_token(token.signature, token.pki_type, base::as_text(token.blob));
}

Bytes encoded(const PassphraseToken& token) {
    Bytes buffer(kAuthTokenSize);
    const auto payload = encode_passphrase_token(token, buffer);
    EXPECT_THAT(payload, Succeeds());
    return copy(payload.value_or(base::ByteView{}));
}

TEST(AuthToken, EcryptfsUtilsTokensRoundTrip) {
    for (const auto& file : token_files()) {
        const Bytes payload = test::read_file(file);
        const auto token = parse_auth_token(payload);
        ASSERT_THAT(token, Succeeds()) << file;
        EXPECT_EQ(std::visit([](const auto& some) { return encoded(some); }, *token), payload)
            << file;
    }
}

TEST(AuthToken, FekekHashesToItsSignature) {
    int seen = 0;
    for (const auto& file : token_files()) {
        const Bytes payload = test::read_file(file);
        const auto token = parse_auth_token(payload);
        ASSERT_THAT(token, Succeeds()) << file;
        if (const auto* passphrase = std::get_if<PassphraseToken>(&*token)) {
            std::array<std::uint8_t, SHA512_DIGEST_LENGTH> digest;
            ::SHA512(passphrase->fekek.data(), passphrase->fekek.size(), digest.data());
            EXPECT_EQ(KeySignature::from_bytes(std::span(digest).first<8>()),
                      passphrase->signature);
            ++seen;
        }
    }
    EXPECT_EQ(seen, 6);
}

TEST(PassphraseToken, FekekDerivesFromPassphraseAndSalt) {
    // docs/protocol.md section 5: SHA-512, iterated, over salt and passphrase.
    const Bytes payload = test::read_file(test::vectors() / "pass-aes16.authtok.9d59cdc2eaf8d95e");
    const auto token = parse_auth_token(payload);
    ASSERT_THAT(token, Succeeds());
    const auto& passphrase = std::get<PassphraseToken>(*token);
    EXPECT_EQ(copy(passphrase.salt), test::hex("0011223344556677"));

    Bytes hash = copy(passphrase.salt);
    const std::string_view text = "correct-horse";
    hash.insert(hash.end(), text.begin(), text.end());
    for (int i = 0; i < 65'536; ++i) {
        std::array<std::uint8_t, SHA512_DIGEST_LENGTH> digest;
        ::SHA512(hash.data(), hash.size(), digest.data());
        hash.assign(digest.begin(), digest.end());
    }
    EXPECT_EQ(copy(passphrase.fekek), hash);
}

TEST(PrivateKeyToken, EachBlobSizeRoundTrips) {
    for (std::size_t size = 0; size <= 1100; ++size) {
        const Bytes blob = pattern(size);
        const Bytes payload = encode_private_key_token(signature("0123456789abcdef"),
                                                       pki_type("tpm2"), base::as_text(blob));
        ASSERT_EQ(payload.size(), kAuthTokenSize + size);
        const auto token = parse_auth_token(payload);
        ASSERT_THAT(token, Succeeds()) << size;
        const auto& key = std::get<PrivateKeyToken>(*token);
        EXPECT_EQ(key.signature.text(), "0123456789abcdef");
        EXPECT_EQ(key.pki_type.text(), "tpm2");
        EXPECT_EQ(copy(key.blob), blob);
    }
}

TEST(PrivateKeyToken, LongestPkiTypeFits) {
    const Bytes payload = encode_private_key_token(signature("0123456789abcdef"),
                                                   pki_type("a-sixteen-letter"), "file:/k");
    const auto token = parse_auth_token(payload);
    ASSERT_THAT(token, Succeeds());
    EXPECT_EQ(std::get<PrivateKeyToken>(*token).pki_type.text(), "a-sixteen-letter");
}

TEST(PassphraseToken, EachFekekSizeRoundTrips) {
    const Bytes salt = pattern(8);
    for (std::size_t size = 1; size <= kMaxFekek; ++size) {
        const Bytes fekek = pattern(size);
        const Bytes payload = encoded(PassphraseToken{signature("0123456789abcdef"), fekek, salt});
        ASSERT_EQ(payload.size(), kAuthTokenSize);
        const auto token = parse_auth_token(payload);
        ASSERT_THAT(token, Succeeds()) << size;
        const auto& passphrase = std::get<PassphraseToken>(*token);
        EXPECT_EQ(passphrase.signature.text(), "0123456789abcdef");
        EXPECT_EQ(copy(passphrase.fekek), fekek);
        EXPECT_EQ(copy(passphrase.salt), salt);
    }
}

TEST(PassphraseToken, UnreadableFormIsNotEncoded) {
    Bytes buffer(kAuthTokenSize);
    const auto some = signature("0123456789abcdef");
    for (const std::size_t size : {std::size_t{0}, kMaxFekek + 1}) {
        EXPECT_THAT(encode_passphrase_token({some, Bytes(size), Bytes(8)}, buffer),
                    FailsWith(ErrorCode::kInvalidToken, "where 1 to 64 are expected"));
    }
    EXPECT_THAT(encode_passphrase_token({some, Bytes(64), Bytes(7)}, buffer),
                FailsWith(ErrorCode::kInvalidToken, "salt of 7 bytes"));
    for (const std::size_t size : {0U, 648U, 739U}) {
        Bytes small(size);
        EXPECT_THAT(encode_passphrase_token({some, Bytes(64), Bytes(8)}, small),
                    FailsWith(ErrorCode::kInvalidToken, "does not fit into a buffer"));
    }
}

// One change to a good token, and what is then said of it.
struct Damage {
    std::size_t at;
    std::string with;  // hexadecimal
    std::string_view problem;
};

void expect_refused(const Bytes& good, const Damage& damage) {
    Bytes payload = good;
    const Bytes change = test::hex(damage.with);
    std::ranges::copy(change, payload.begin() + static_cast<std::ptrdiff_t>(damage.at));
    EXPECT_THAT(parse_auth_token(payload), FailsWith(ErrorCode::kInvalidToken, damage.problem));
}

TEST(PrivateKeyToken, BadTokenIsRefusedWithReasonAndByte) {
    const Bytes good = test::read_file(test::vectors() / "rsa2048-aes16.authtok.fe3467554552491d");
    for (const auto& damage : std::to_array<Damage>({
             {0, "0500", "authentication token: version 0x0005 instead of 0x0004 (byte 0)"},
             {2, "0200", "authentication token: unknown type 2 (byte 2)"},
             {632, "6d000000", "data_len says 109 bytes, 108 follow (byte 632)"},
             {632, "ffffffff", "data_len says 4294967295 bytes, 108 follow (byte 632)"},
             {636, "46", "character 0 of the key signature is no lower-case"},
             {651, "00", "character 15 of the key signature is no lower-case"},
             {652, "61", "signature without a NUL at its end (byte 636)"},
             {653, "00000000000000", "PKI type is not 1 to 16 lower-case letters"},
             {653, "2e2e2f", "PKI type is not 1 to 16 lower-case letters"},
             {653, "2e2e2f", "(byte 653)"},
             {653, "4f", "PKI type is not 1 to 16 lower-case letters"},
             {661, "61", "PKI type followed by something else than NULs (byte 653)"},
             {653, "6161616161616161616161616161616161", "PKI type is not 1 to 16"},
         })) {
        expect_refused(good, damage);
    }
}

TEST(PassphraseToken, BadTokenIsRefusedWithReasonAndByte) {
    const Bytes good = test::read_file(test::vectors() / "pass-aes16.authtok.9d59cdc2eaf8d95e");
    for (const auto& damage : std::to_array<Damage>({
             {640, "00000000", "FEKEK of 0 bytes, where 1 to 64 are expected (byte 640)"},
             {640, "41000000", "FEKEK of 65 bytes, where 1 to 64 are expected (byte 640)"},
             {712, "20", "character 0 of the key signature"},
             {728, "01", "signature without a NUL at its end (byte 712)"},
         })) {
        expect_refused(good, damage);
    }
}

TEST(AuthToken, CutTokenIsRefused) {
    for (const auto& file : token_files()) {
        const Bytes payload = test::read_file(file);
        for (std::size_t size = 0; size < kAuthTokenSize; ++size) {
            EXPECT_THAT(parse_auth_token(base::ByteView(payload).first(size)),
                        FailsWith(ErrorCode::kInvalidToken, "authentication token: "))
                << size;
        }
    }
    EXPECT_THAT(parse_auth_token(Bytes{}),
                FailsWith(ErrorCode::kInvalidToken, "version needs 2 bytes, 0 are left (byte 0)"));
}

TEST(PkiType, CannotNameAPath) {
    for (const std::string_view text : {"openssl", "pkcs11", "pkcs11-helper", "a", "tpm2"}) {
        const auto type = PkiType::from_text(text);
        ASSERT_THAT(type, Succeeds()) << text;
        EXPECT_EQ(type->text(), text);
    }
    for (const std::string_view text : {"", "1a", "-a", "Openssl", "a/b", "..", "a.b", "a b", "a_b",
                                        "seventeen-letters", "\xc3\xa4"}) {
        EXPECT_THAT(PkiType::from_text(text), FailsWith(ErrorCode::kMalformed, "PKI type is not"))
            << text;
    }
    EXPECT_THAT(PkiType::from_text(std::string_view("a\0b", 3)),
                FailsWith(ErrorCode::kMalformed, "PKI type is not"));
}

}  // namespace
}  // namespace ecryptfs::wire
