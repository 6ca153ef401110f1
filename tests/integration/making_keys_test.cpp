// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl generate-key, list-tokens and list-keys --available: with the real modules, a token
// of SoftHSM and a TPM in software, and without an agent where none is needed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/contract/softhsm.h"
#include "tests/contract/software_tpm.h"
#include "tests/integration/agent_test.h"
#include "tests/support/documented_json.h"
#include "tests/support/files.h"

namespace ecryptfs::test {
namespace {

using contract::kPin;
using contract::SoftHsm;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> members(const Json& object) {
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items()) {
        names.push_back(name);
    }
    return names;
}

class MakingKeys : public AgentTest {
  protected:
    // A verb that runs modules, with the parts of this build.
    Outcome make(Arguments arguments, const std::string& input = "") const {
        arguments.insert(arguments.end(),
                         {"--module-dir", built("modules"), "--pki-host", host_program()});
        auto environment = bus_.environment();
        environment["SOFTHSM2_CONF"] = SoftHsm::instance().folder().path("softhsm2.conf").string();
        environment["ECRYPTFS_TPM2_TCTI"] = tpm_tcti_;
        return run({ctl_program(), arguments, environment}, input);
    }
    // Without the line's end.
    static std::string line(const Outcome& outcome) {
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return outcome.out.substr(0, outcome.out.find('\n'));
    }

    std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

    std::string tpm_tcti_ = "device:/no/tpm";
};

TEST_F(MakingKeys, FileKeyPrintsItsUri) {
    const auto uri = line(make(
        {"generate-key", "openssl", file("a key.pem"), "--bits", "2048", "--passphrase-file", "-"},
        "secret\n"));
    EXPECT_EQ(uri, "file://" + folder_.path().string() + "/a%20key.pem");
    struct stat status{};
    ASSERT_EQ(::stat(file("a key.pem").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_THAT(content_of(file("a key.pem")), HasSubstr("BEGIN ENCRYPTED PRIVATE KEY"));

    start_agent();
    expect_round_trip(add({uri}, "secret"));
}

TEST_F(MakingKeys, AddOptionUsesTheSameSecret) {
    start_agent();
    const auto made = make({"generate-key", "openssl", file("key.pem"), "--bits", "2048", "--add",
                            "--passphrase-file", "-"},
                           "secret\n");
    const auto signature = line(made);
    EXPECT_THAT(made.err, HasSubstr("made file://"));
    EXPECT_EQ(key(signature)["state"], "unlocked");
    expect_round_trip(signature);
}

TEST_F(MakingKeys, KeyThatCannotBeAddedIsKept) {
    const auto outcome = make(
        {"generate-key", "openssl", file("key.pem"), "--bits", "2048", "--add", "--no-passphrase"});
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kNoAgent)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("made file://"));
    start_agent();
    expect_round_trip(add({file("key.pem")}));
}

TEST_F(MakingKeys, OverwritesNothing) {
    std::ofstream(file("key.pem")) << "mine";
    const auto outcome =
        make({"generate-key", "openssl", file("key.pem"), "--bits", "2048", "--no-passphrase"});
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kAlreadyExists)) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("key.pem already exists"), HasSubstr("\ntry: ")));
    EXPECT_EQ(content_of(file("key.pem")), "mine");
}

struct Refusal {
    Arguments arguments;
    std::string input;
    ErrorCode why;
    std::string says;
};

TEST_F(MakingKeys, ErrorMakesNothing) {
    const auto path = file("key.pem");
    const std::vector<Refusal> refusals = {
        {{"openssl", path}, "", ErrorCode::kSecretRequired, "--no-passphrase"},
        {{"openssl", path, "--passphrase-file", "-"}, "\n", ErrorCode::kInvalidArgument, "empty"},
        {{"openssl", path, "--passphrase-file", "/no/file"}, "", ErrorCode::kNotFound, "/no/file"},
        {{"openssl", path, "--bits", "1024"}, "", ErrorCode::kInvalidArgument, "1024"},
        {{"openssl", path, "--pcrs", "sha256:7", "--no-passphrase"},
         "",
         ErrorCode::kNotSupported,
         "pcrs"},
        {{"openssl", "/no/folder/key.pem", "--no-passphrase"},
         "",
         ErrorCode::kNotFound,
         "/no/folder"},
        {{"example", "example:a", "--no-passphrase"}, "", ErrorCode::kNotSupported, "make keys"},
        {{"none", path, "--no-passphrase"}, "", ErrorCode::kUnknownModule, "none.so"},
        {{"../openssl", path, "--no-passphrase"}, "", ErrorCode::kInvalidArgument, "../openssl"},
        {{"tpm2", path, "--no-passphrase"}, "", ErrorCode::kNotFound, "/no/tpm"},
        {{"pkcs11", "pkcs11:token=nowhere;object=a", "--passphrase-file", "-"},
         "1\n",
         ErrorCode::kNotFound,
         "token"},
    };
    for (const auto& [arguments, input, why, says] : refusals) {
        Arguments command = {"generate-key"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const auto outcome = make(command, input);
        EXPECT_EQ(outcome.exit_code, code(why)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(says));
        EXPECT_THAT(outcome.out, IsEmpty());
        EXPECT_FALSE(std::filesystem::exists(path)) << says;
    }
}

TEST_F(MakingKeys, TokenKeyIsMadeAndListed) {
    const auto uri =
        line(make({"generate-key", "pkcs11", "pkcs11:token=contract;object=made%20here", "--bits",
                   "2048", "--passphrase-file", "-"},
                  std::string(kPin) + "\n"));
    EXPECT_THAT(uri, AllOf(HasSubstr("token=contract"), HasSubstr("object=made%20here")));

    const auto tokens = Json::parse(make({"list-tokens", "--json"}).out)["tokens"];
    EXPECT_EQ(
        std::ranges::count(tokens, "contract",
                           [](const Json& token) { return token["label"].get<std::string>(); }),
        1);
    EXPECT_THAT(make({"list-tokens"}).out, AllOf(HasSubstr("pkcs11: contract\n"),
                                                 HasSubstr("manufacturer"), HasSubstr("SoftHSM")));

    const auto keys = Json::parse(make({"list-keys", "--available", "--json"}).out)["keys"];
    const auto found =
        std::ranges::find_if(keys, [](const Json& one) { return one["label"] == "made here"; });
    ASSERT_NE(found, keys.end()) << keys;
    EXPECT_EQ((*found)["properties"]["bits"], "2048");
    EXPECT_THAT((*found)["uri"].get<std::string>(), HasSubstr("object=made%20here"));
}

TEST_F(MakingKeys, TpmKeyIsMade) {
    const contract::SoftwareTpm tpm;
    tpm_tcti_ = tpm.tcti();
    const auto uri = line(make(
        {"generate-key", "tpm2", tpm.path("key.pem"), "--bits", "2048", "--passphrase-file", "-"},
        "1234\n"));
    EXPECT_EQ(uri, "file://" + tpm.path("key.pem"));
    EXPECT_THAT(content_of(tpm.path("key.pem")), HasSubstr("BEGIN TSS2 PRIVATE KEY"));
    EXPECT_THAT(make({"list-tokens"}).out, HasSubstr("tpm2: "));

    start_agent();
    expect_round_trip(add({"--module", "tpm2", tpm.locator("key.pem")}, "1234"));
}

TEST_F(MakingKeys, PrintsTheDocumentedJson) {
    const auto made = Json::parse(make({"generate-key", "openssl", file("key.pem"), "--bits",
                                        "2048", "--no-passphrase", "--json"})
                                      .out);
    EXPECT_EQ(members(made), members(documented_json("generate-key")));
    EXPECT_EQ(made["locator"], "file://" + file("key.pem"));
    const auto listed = Json::parse(make({"list-tokens", "--json"}).out);
    const auto expected = documented_json("list-tokens");
    EXPECT_EQ(members(listed), members(expected));
    EXPECT_EQ(members(listed["tokens"][0]), members(expected["tokens"][0]));
}

}  // namespace
}  // namespace ecryptfs::test
