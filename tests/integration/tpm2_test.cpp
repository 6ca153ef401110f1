// SPDX-License-Identifier: Apache-2.0
//
// A key in the TPM, from ecryptfsctl through agent and host to a TPM in software.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/software_tpm.h"
#include "tests/fakes/memory_searcher.h"
#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

class Tpm2Test : public AgentTest {
  protected:
    Tpm2Test() {
        tpm_.tool("openssl", {"genpkey", "-provider", "tpm2", "-provider", "default", "-algorithm",
                              "RSA", "-pkeyopt", "bits:2048", "-pkeyopt", "user-auth:1234", "-out",
                              tpm_.path("key.pem")});
        start_agent();
    }

    Arguments key() const { return {"--module", "tpm2", tpm_.locator("key.pem")}; }

    contract::SoftwareTpm tpm_;
};

TEST_F(Tpm2Test, TpmKeyServesFiles) {
    const std::string signature = add(key(), "1234");
    for (const std::size_t size : {16UL, 24UL, 32UL}) {
        expect_round_trip(signature, size);
    }
}

TEST_F(Tpm2Test, ResetOfTpmIsSurvived) {
    const std::string signature = add(key(), "1234");
    expect_round_trip(signature);
    tpm_.stop();
    tpm_.start();
    expect_round_trip(signature);
}

TEST_F(Tpm2Test, EndOfAgentLeavesTpmEmpty) {
    expect_round_trip(add(key(), "1234"));
    EXPECT_EQ(agent_->stop(), 0);
    EXPECT_EQ(tpm_.run("tpm2_getcap", {"handles-transient"}), "");
    EXPECT_EQ(tpm_.run("tpm2_getcap", {"handles-loaded-session"}), "");
}

TEST_F(Tpm2Test, LockLeavesPinInNoProcess) {
    constexpr char kPinCanary[] = "canary-Aiph4Eicheez";
    tpm_.tool("openssl", {"genpkey", "-provider", "tpm2", "-provider", "default", "-algorithm",
                          "RSA", "-pkeyopt", "bits:2048", "-pkeyopt",
                          std::string("user-auth:") + kPinCanary, "-out", tpm_.path("key.pem")});
    const auto signature = add(key(), kPinCanary);
    expect_round_trip(signature);
    EXPECT_THAT(holders_of(base::as_bytes(kPinCanary)), testing::HasSubstr("ecryptfs-pki-ho"));
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    // The TPM itself knows it.
    EXPECT_THAT(holders_of(base::as_bytes(kPinCanary)), testing::Not(testing::HasSubstr("ecrypt")));
}

// A way to a TPM is a library as well.
TEST_F(Tpm2Test, OwnLibraryNeedsConsent) {
    const auto library = (folder_.path() / "my-tcti.so").string();
    std::filesystem::copy_file(ECRYPTFS_SWTPM_TCTI, library);
    const auto by_name = tpm_.tcti();
    const auto uri =
        "file://" + tpm_.path("key.pem") + "?tcti=" + library + by_name.substr(by_name.find(':'));
    const auto refused = ctl({"add-key", uri, "--passphrase-file", "-"}, "1234");
    EXPECT_EQ(refused.exit_code, code(ErrorCode::kAccessDenied)) << refused.err;
    EXPECT_THAT(refused.err,
                testing::HasSubstr("ecryptfsctl add-key --allow-library " + library + " "));
    expect_round_trip(add({uri, "--allow-library", library}, "1234"));
}

TEST_F(Tpm2Test, WrongAndMissingPinDiffer) {
    Arguments arguments = key();
    arguments.insert(arguments.begin(), "add-key");
    arguments.insert(arguments.end(), {"--passphrase-file", "-"});
    EXPECT_EQ(ctl(arguments, "4321").exit_code, code(ErrorCode::kWrongSecret));
    EXPECT_EQ(ctl(arguments, "").exit_code, code(ErrorCode::kSecretRequired));
    EXPECT_TRUE(keys().empty());
}

}  // namespace
}  // namespace ecryptfs::test
