// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl rekey to and from private keys, by the real modules, without an agent.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/contract/softhsm.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using contract::kPin;
using contract::SoftHsm;
using testing::HasSubstr;

class RekeyingFiles : public ::testing::Test {
  protected:
    Outcome ctl(Arguments arguments, const std::string& input = "") const {
        for (const auto& part : {std::string("--module-dir"), built("modules"),
                                 std::string("--pki-host"), host_program()}) {
            arguments.push_back(part);
        }
        const auto tokens = SoftHsm::instance().folder().path("softhsm2.conf").string();
        return run({ctl_program(), arguments, {{"SOFTHSM2_CONF", tokens}}}, input);
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    // What decrypt makes of it with these keys is the plain tree.
    void expect_opens(Arguments keys, const std::string& input) {
        fs::remove_all(path("out"));
        keys.insert(keys.begin(), {"decrypt", path("lower"), "--output", path("out")});
        const auto outcome = ctl(keys, input);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        unpack_vector("plain", path("plain"));
        EXPECT_EQ(difference(path("plain"), path("out")), "");
    }

    TemporaryFolder folder_;
    std::string key_ = vector_key("k2048.pem");
};

TEST_F(RekeyingFiles, GoFromPassphraseToKeyFileAndBack) {
    unpack_vector("pass-aes16.lower", path("lower"));
    const auto to_key =
        ctl({"rekey", path("lower"), "--passphrase-file", "-", "--to", key_,
             "--new-key-passphrase-file", folder_.file("key-passphrase", "secret\n")},
            kCorrectHorsePassphrase);
    EXPECT_EQ(to_key.exit_code, 0) << to_key.err;
    EXPECT_THAT(to_key.out, HasSubstr("only private key fe3467554552491d opens 11 files"));
    expect_opens({"--key", key_, "--key-passphrase-file", "-"}, "secret");
    const auto back = ctl({"rekey", path("lower"), "--key", key_, "--key-passphrase-file", "-",
                           "--to-passphrase-file", folder_.file("new", "new\n")},
                          "secret");
    EXPECT_EQ(back.exit_code, 0) << back.err;
    expect_opens({"--passphrase-file", "-"}, "new");
}

TEST_F(RekeyingFiles, TakePublicHalfOfToken) {
    SoftHsm::instance().import(
        "contract", "rekey", "c0ffee02",
        run({"openssl", {"pkcs8", "-topk8", "-nocrypt", "-passin", "pass:secret", "-in", key_}})
            .out);
    const std::string uri = "pkcs11:token=contract;object=rekey";
    unpack_vector("rsa2048p8-aes32.lower", path("lower"));
    // By the signature of a token in the keyring, which says where the key is; nobody types a PIN.
    put_token("fe3467554552491d", "pkcs11", uri);
    const auto outcome = ctl({"rekey", path("lower"), "--key", vector_key("k2048p8.pem"),
                              "--key-passphrase-file", "-", "--add", "fe3467554552491d"},
                             "p8secret");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_opens({"--key", uri, "--key-passphrase-file", "-"}, kPin);
    const auto removed = ctl({"rekey", path("lower"), "--key", uri, "--key-passphrase-file", "-",
                              "--remove", "29fd6422340cb71e"},
                             kPin);
    EXPECT_EQ(removed.exit_code, 0) << removed.err;
    EXPECT_THAT(removed.out, HasSubstr("only private key fe3467554552491d opens 11 files"));
    expect_opens({"--key", uri, "--key-passphrase-file", "-"}, kPin);
}

TEST_F(RekeyingFiles, EncryptedKeyFileAsksForItsPassphrase) {
    unpack_vector("pass-aes16.lower", path("lower"));
    const auto outcome = ctl({"rekey", path("lower"), "--passphrase-file", "-", "--to", key_},
                             kCorrectHorsePassphrase);
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kSecretRequired));
    EXPECT_THAT(outcome.err, HasSubstr("--new-key-passphrase-file"));
    expect_opens({"--passphrase-file", "-"}, kCorrectHorsePassphrase);
}

// A token in the keyring whose file has another key by now.
TEST_F(RekeyingFiles, RefuseTokenThatLeadsToAnotherKey) {
    unpack_vector("pass-aes16.lower", path("lower"));
    put_token("0123456789abcdef", "openssl", "file://" + key_);
    const auto outcome =
        ctl({"rekey", path("lower"), "--passphrase-file", "-", "--to", "0123456789abcdef",
             "--new-key-passphrase-file", folder_.file("key-passphrase", "secret\n")},
            kCorrectHorsePassphrase);
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kInvalidKey)) << outcome.err;
}

}  // namespace
}  // namespace ecryptfs::test
