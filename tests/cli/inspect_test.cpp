// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl inspect: the whole program. What it prints for people is in scenarios/.

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/keyrings.h"
#include "tests/support/lower_files.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

class InspectTest : public ::testing::Test {
  protected:
    void SetUp() override { make_login_keyrings(); }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    TemporaryFolder folder_;
};

TEST_F(InspectTest, FilePrintsTheDocumentedJson) {
    unpack_vector("pass-aes32-fnek.lower", path("v"));
    const auto file = lower_name_of("size-000001.bin");
    auto printed = Json::parse(run({ECRYPTFSCTL, {"inspect", path("v/") + file, "--json"}}).out);
    const auto expected = documented_json("inspect");
    printed["files"][0]["path"] = expected["files"][0]["path"];
    EXPECT_EQ(printed, expected);
}

TEST_F(InspectTest, DeepTreesNeedFewDescriptors) {
    fs::create_directory(path("deep"));
    make_deep_folders(path("deep"), "f", 4000);
    const auto outcome = run({"/bin/sh",
                              {"-c", "ulimit -n 256; ulimit -s 256; exec \"$0\" inspect \"$1\"",
                               ECRYPTFSCTL, path("deep")}});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err.substr(outcome.err.size() / 2);
    run({"/bin/rm", {"-r", path("deep")}});
}

}  // namespace
}  // namespace ecryptfs::test
