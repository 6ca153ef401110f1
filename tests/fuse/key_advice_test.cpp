// SPDX-License-Identifier: Apache-2.0
//
// The advice of ecryptfs-fuse on keys, made for real.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "lib/base/error.h"
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

TEST_F(FuseKeyAdvice, MissingKeyIsToBeAdded) {
    const auto done = mount(kSignature);
    EXPECT_EQ(done.exit_code, base::traits(ErrorCode::kUnknownKey).status);
    EXPECT_THAT(done.err, EndsWith("try: add it: ecryptfsctl add-passphrase\n"));
}

}  // namespace
}  // namespace ecryptfs::test
