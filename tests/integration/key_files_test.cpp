// SPDX-License-Identifier: Apache-2.0
//
// Key files that need more of a confined host than others: OpenSSL's legacy provider, and a look at
// who else can read the file.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

class KeyFiles : public ::testing::Test {
  protected:
    KeyFiles() { std::filesystem::create_directory(path("lower")); }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    void openssl(Arguments arguments) const {
        const auto outcome = run({"openssl", std::move(arguments)});
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    }
    Outcome decrypt_by(const std::string& key, const std::string& passphrase) const {
        return run({ctl_program(),
                    {"decrypt", path("lower"), "--output", path("out"), "--key", key,
                     "--key-passphrase-file", "-", "--module-dir", built("modules"), "--pki-host",
                     host_program()}},
                   passphrase);
    }

    TemporaryFolder folder_;
};

TEST_F(KeyFiles, Openssl10FilesOpen) {
    openssl({"rsa", "-in", vector_key("k2048.pem"), "-passin", "pass:secret", "-traditional",
             "-des", "-provider", "legacy", "-provider", "default", "-passout", "pass:old", "-out",
             path("key.pem")});
    const auto outcome = decrypt_by(path("key.pem"), "old");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(decrypt_by(path("key.pem"), "new").exit_code, code(ErrorCode::kWrongSecret));
}

TEST_F(KeyFiles, ReadableFileWithoutPassphraseIsWarnedOf) {
    const auto key = path("key.pem");
    openssl({"rsa", "-in", vector_key("k2048.pem"), "-passin", "pass:secret", "-out", key});
    ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
    EXPECT_EQ(
        decrypt_by(key, "").err,
        "warning: others can read this key, which has no passphrase: chmod 600 " + key + "\n");
    ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
    EXPECT_EQ(decrypt_by(key, "").err, "");
}

}  // namespace
}  // namespace ecryptfs::test
