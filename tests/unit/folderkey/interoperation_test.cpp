// SPDX-License-Identifier: Apache-2.0
//
// Other people's programs open a file of ours, and we one of theirs: jose (Debian's package), and
// jwcrypto for what jose does not do there: RSA-OAEP, X25519, and 100,000 iterations.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lib/base/base64url.h"
#include "lib/folderkey/folder_key.h"
#include "lib/folderkey/key_wrapping.h"
#include "lib/folderkey/passphrase_wrapping.h"
#include "tests/support/bytes.h"
#include "tests/support/command.h"
#include "tests/support/matchers.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/folderkey/test_key.h"

namespace ecryptfs::test {
namespace {

using base::as_bytes;
using folderkey::FolderKeyFile;
using Json = nlohmann::ordered_json;
using pki::OaepDigest;
using pki::PublicKeyKind;

constexpr char kPassphrase[] = "entrap_o-peter_long-credit_tun";

// Decrypts FILE by KEY (a JWK) to standard output.
constexpr char kDecryptScript[] = R"(
import sys
from jwcrypto import jwe, jwk
token = jwe.JWE()
token.deserialize(open(sys.argv[1]).read(), key=jwk.JWK.from_json(open(sys.argv[2]).read()))
sys.stdout.buffer.write(token.payload)
)";

// Encrypts CONTENT for the recipients KEY, with PROTECTED and HEADER, to standard output.
constexpr char kEncryptScript[] = R"(
import sys
from jwcrypto import jwe, jwk
key = jwk.JWK.from_json(open(sys.argv[2]).read())
token = jwe.JWE(open(sys.argv[1], 'rb').read(), protected=sys.argv[3])
token.add_recipient(key, header=sys.argv[4])
sys.stdout.write(token.serialize())
)";

class Interoperation : public ::testing::Test {
  protected:
    Interoperation() {
        for (const auto* each : {&key_.contents, &key_.names}) {
            content_.append(base::as_text(each->key.view()));
            content_.append(base::as_text(each->salt));
        }
    }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path(name), std::ios::binary) << text;
        return path(name);
    }
    static Json passphrase_jwk() {
        return {{"kty", "oct"}, {"k", base::to_base64url(as_bytes(kPassphrase))}};
    }

    // A file of ours with this recipient alone, and the given passphrase as one that does not fit.
    std::string write_file(folderkey::Recipient recipient) {
        auto file = sealed_.file;
        recipient.kid = "ours";
        file.recipients.push_back(std::move(recipient));
        return write("ours.jwe", folderkey::encode_folder_key_file(file).value());
    }
    folderkey::Recipient recipient_for(const TestKey& key, OaepDigest digest) const {
        return folderkey::wrap_for_key(sealed_.content_key.view(), key.public_key(), digest)
            .value();
    }
    std::string protected_json() const {
        const auto bytes = base::from_base64url(sealed_.file.protected_header).value();
        return {bytes.begin(), bytes.end()};
    }

    static Outcome python(Arguments arguments) {
        arguments.insert(arguments.begin(), "-c");
        return run({"/usr/bin/python3", arguments});
    }

    static void expect_content(const FolderKeyFile& file, const base::SecretBytes& content_key,
                               const folderkey::FolderKey& key) {
        const auto opened = folderkey::unseal_folder_key(file, content_key.view());
        ASSERT_THAT(opened, Succeeds());
        EXPECT_EQ(copy(opened->names.key.view()), copy(key.names.key.view()));
    }

    TemporaryFolder folder_;
    folderkey::FolderKey key_ = folderkey::create_folder_key().value();
    folderkey::SealedFolderKey sealed_ = folderkey::seal_folder_key(key_).value();
    std::string content_;
};

TEST_F(Interoperation, JoseOpensOurs) {
    for (const auto kind : {PublicKeyKind::kP256, PublicKeyKind::kP384}) {
        const TestKey key(kind);
        const auto file = write_file(recipient_for(key, OaepDigest::kSha256));
        const auto outcome =
            run({"/usr/bin/jose",
                 {"jwe", "dec", "-i", file, "-k", write("key.jwk", key.jwk().dump())}});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(outcome.out, content_);
    }
}

TEST_F(Interoperation, WeOpenWhatJoseWrote) {
    for (const auto kind : {PublicKeyKind::kP256, PublicKeyKind::kP384}) {
        TestKey key(kind);
        const auto input = Json{{"protected", Json::parse(protected_json())}}.dump();
        const auto outcome =
            run({"/usr/bin/jose",
                 {"jwe", "enc", "-i", input, "-I", write("content", content_), "-r",
                  R"({"header": {"alg": "ECDH-ES+A256KW", "kid": "theirs"}})", "-k",
                  write("key.jwk", key.jwk().dump())}});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
        const auto file = folderkey::parse_folder_key_file(outcome.out);
        ASSERT_THAT(file, Succeeds()) << outcome.out;
        EXPECT_EQ(file->recipients.at(0).kid, "theirs");
        const auto content_key = folderkey::unwrap_with_key(file->recipients.at(0), key);
        ASSERT_THAT(content_key, Succeeds());
        expect_content(*file, *content_key, key_);
    }
}

TEST_F(Interoperation, JwcryptoOpensOurs) {
    const auto expect_opened = [&](const std::string& file, const std::string& jwk) {
        const auto outcome = python({kDecryptScript, file, write("key.jwk", jwk)});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(outcome.out, content_);
    };
    for (const auto kind : {PublicKeyKind::kRsa, PublicKeyKind::kP256, PublicKeyKind::kP384,
                            PublicKeyKind::kX25519}) {
        const TestKey key(kind);
        for (const auto digest : {OaepDigest::kSha1, OaepDigest::kSha256}) {
            expect_opened(write_file(recipient_for(key, digest)), key.jwk().dump());
        }
    }
    expect_opened(write_file(folderkey::wrap_with_passphrase(sealed_.content_key.view(),
                                                             as_bytes(kPassphrase), 100'000)
                                 .value()),
                  passphrase_jwk().dump());
}

// But for a passphrase, which it gives fewer iterations than we take.
TEST_F(Interoperation, WeOpenWhatJwcryptoWrote) {
    const auto written = [&](const std::string& jwk, const Json& header) {
        const auto outcome = python({kEncryptScript, write("content", content_),
                                     write("key.jwk", jwk), protected_json(), header.dump()});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        const auto file = folderkey::parse_folder_key_file(outcome.out);
        EXPECT_THAT(file, Succeeds()) << outcome.out;
        return file.value();
    };
    const std::vector<std::pair<PublicKeyKind, const char*>> rows = {
        {PublicKeyKind::kRsa, "RSA-OAEP"},
        {PublicKeyKind::kRsa, "RSA-OAEP-256"},
        {PublicKeyKind::kP256, "ECDH-ES+A256KW"},
        {PublicKeyKind::kP384, "ECDH-ES+A256KW"},
        {PublicKeyKind::kX25519, "ECDH-ES+A256KW"}};
    for (const auto& [kind, algorithm] : rows) {
        TestKey key(kind);
        const auto file = written(key.jwk().dump(), {{"alg", algorithm}, {"apu", "QWxpY2U"}});
        const auto content_key = folderkey::unwrap_with_key(file.recipients.at(0), key);
        ASSERT_THAT(content_key, Succeeds()) << algorithm;
        expect_content(file, *content_key, key_);
    }
}

}  // namespace
}  // namespace ecryptfs::test
