// SPDX-License-Identifier: Apache-2.0
//
// tests/cli/scenarios: what ecryptfsctl prints without an agent, a file a subject, word for word.
// With an agent it is in tests/cli/transcripts. Refreshed by tests/cli/refresh-transcripts.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/fakes/private_bus.h"
#include "tests/support/keyrings.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/transcript.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

// unpack VECTOR FOLDER; change FILE OFFSET BYTES, as printf has them.
constexpr char kPrelude[] = R"(
unpack() { mkdir -p "$2" && tar -C "$2" --xattrs -xf "$VECTORS/$1.tar.xz"; }
change() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
exec 2>&1
)";

class Scenario : public testing::TestWithParam<fs::path> {
  protected:
    void SetUp() override { make_login_keyrings(); }

    std::string shown_by(const std::string& line) const {
        auto environment = bus_.environment();
        environment["PATH"] = fs::path(ECRYPTFSCTL).parent_path().string() + ":/usr/bin:/bin";
        environment["HOME"] = folder_.path();
        environment["VECTORS"] = vectors();
        environment["TZ"] = "UTC";
        auto outcome =
            run({"/bin/sh",
                 {"-c", fmt::format("cd {}{}{}", folder_.path().string(), kPrelude, line)},
                 environment});
        const auto home = folder_.path().string();
        for (auto at = outcome.out.find(home); at != std::string::npos;
             at = outcome.out.find(home)) {
            outcome.out.replace(at, home.size(), "/home/ada");
        }
        return shown(outcome);
    }

    const TemporaryFolder folder_;
    const PrivateBus bus_;  // without an agent
};

TEST_P(Scenario, MatchesItsFile) {
    expect_transcript(GetParam(), folder_.path(),
                      [this](const std::string& line) { return shown_by(line); });
}

INSTANTIATE_TEST_SUITE_P(Cli, Scenario, testing::ValuesIn(transcripts_in(ECRYPTFS_SCENARIOS)),
                         [](const testing::TestParamInfo<fs::path>& file) {
                             return transcript_name(file.param);
                         });

}  // namespace
}  // namespace ecryptfs::test
