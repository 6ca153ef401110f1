// SPDX-License-Identifier: Apache-2.0
//
// The advice of ecryptfs-fuse on keys, made for real.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/keyring/token_writer.h"
#include "lib/wire/auth_token.h"
#include "tests/cli/lower_files.h"
#include "tests/fuse/mounted_folder.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::EndsWith;

constexpr char kSignature[] = "0123456789abcdef";

class FuseKeyAdvice : public ::testing::Test {
  protected:
    Outcome mount(const std::string& signature) const {
        const auto upper = folder_.path() / "upper";
        fs::create_directory(upper);
        return run_fuse({folder_.path(), upper, "-o", "ecryptfs_sig=" + signature});
    }

  private:
    TemporaryFolder folder_;
};

TEST_F(FuseKeyAdvice, OnAMissingKey) {
    const auto done = mount(kSignature);
    EXPECT_EQ(done.exit_code, base::traits(ErrorCode::kUnknownKey).status);
    EXPECT_THAT(done.err, EndsWith("try: add it: ecryptfsctl add-passphrase\n"));
}

TEST_F(FuseKeyAdvice, OnAPrivateKey) {
    const auto signature = base::value_or_throw(wire::KeySignature::from_text(kSignature));
    const auto token = wire::encode_private_key_token(
        signature, base::value_or_throw(wire::PkiType::from_text("openssl")), "file:/key.pem");
    const auto written = base::value_or_throw(keyring::write_token({}, signature, token));
    const auto done = mount(kSignature);
    EXPECT_EQ(done.exit_code, base::traits(ErrorCode::kNotSupported).status);
    EXPECT_THAT(done.err,
                EndsWith("try: mount by the kernel: sudo ecryptfsctl mount LOWER UPPER\n"));
    EXPECT_TRUE(keyring::unlink_token({}, written));
}

}  // namespace
}  // namespace ecryptfs::test
