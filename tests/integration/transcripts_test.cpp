// SPDX-License-Identifier: Apache-2.0
//
// tests/cli/transcripts: what a person types and sees, a file a verb, word for word. Each is run
// with an agent of its own. Refreshed by tests/cli/refresh-transcripts.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/integration/agent_test.h"
#include "tests/support/transcript.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

constexpr char kHome[] = "/home/ada";

// What is another in each run, as one of them.
std::string steady(std::string text, const std::string& home) {
    for (auto at = text.find(home); at != std::string::npos; at = text.find(home)) {
        text.replace(at, home.size(), kHome);
    }
    static const std::vector<std::pair<std::regex, std::string>> rules = {
        {std::regex(R"re(("[a-z_]*serial": )\d+)re"), "$01491809326"},
        {std::regex(R"re(("(host_)?pid": )\d+)re"), "$011234"},
        {std::regex(R"re((\bpid )\d+)re"), "$011234"},
        {std::regex(R"re(("(median|p99|oldest_age)_usec": )[1-9]\d*)re"), "$01850"},
        {std::regex(R"re(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)re"), "2026-03-01T13:05:09Z"},
        {std::regex(R"re(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \([^)]*\))re"),
         "2026-03-01 13:05:09 (3 min)"},
        {std::regex(R"re(("version": |agent    |ecryptfsctl )("?)\d+\.\d+\.\d+)re"), "$01$020.1.0"},
        {std::regex(R"re((version )\d+\.\d+\.\d+)re"), "$010.1.0"},
        {std::regex(R"re((\nkernel   ).*)re"), "$010x42: public-key, device"},
        {std::regex(R"re(("feature_mask": )\d+)re"), "$0166"},
        {std::regex(R"re("features": \[[^\]]*\])re"), R"("features": ["public-key", "device"])"},
    };
    for (const auto& [what, by] : rules) {
        text = std::regex_replace(text, what, by);
    }
    return text;
}

class Transcript : public AgentTest, public testing::WithParamInterface<fs::path> {
  protected:
    void SetUp() override {
        home_ = folder_.path().string();
        fs::copy(vector_key("k2048.pem"), folder_.path() / "key.pem");
        write("passphrase", "secret\n");
        write("mount-passphrase", "correct horse battery staple\n");
        for (const auto* folder : {"lower", "upper"}) {
            fs::create_directory(folder_.path() / folder);
        }
        EXPECT_EQ(run({"/usr/bin/tar",
                       {"-xf", vector_path("rsa-plus-pass.lower.tar.xz"), "-C", home_ + "/lower",
                        "--strip-components=1"}})
                      .exit_code,
                  0);
        start_agent();
    }

    void write(const std::string& name, const std::string& content) const {
        const auto path = folder_.path() / name;
        std::ofstream(path) << content;
        ::chmod(path.c_str(), 0600);
    }

    // What a line of a shell shows.
    std::string shown_by(const std::string& line) const {
        auto environment = bus_.environment();
        environment["PATH"] = fs::path(ctl_program()).parent_path().string() + ":/usr/bin:/bin";
        environment["HOME"] = home_;
        environment["TZ"] = "UTC";
        environment["MODULES"] = fs::path(built("modules/openssl.so")).parent_path().string();
        environment["HOST"] = host_program();
        auto outcome = run(
            {"/bin/sh", {"-c", fmt::format("cd {} && exec 2>&1; {}", home_, line)}, environment});
        outcome.out = steady(outcome.out, home_);
        return shown(outcome);
    }

    std::string home_;
};

TEST_P(Transcript, MatchesItsFile) {
    expect_transcript(GetParam(), home_,
                      [this](const std::string& line) { return shown_by(line); });
}

INSTANTIATE_TEST_SUITE_P(Verb, Transcript, testing::ValuesIn(transcripts_in(ECRYPTFS_TRANSCRIPTS)),
                         [](const testing::TestParamInfo<fs::path>& file) {
                             return transcript_name(file.param);
                         });

// Or a scenario does, of verbs that need no agent.
TEST(Transcripts, CoverEachVerb) {
    std::ostringstream scenarios;
    for (const auto& file : fs::directory_iterator(ECRYPTFS_SCENARIOS)) {
        scenarios << std::ifstream(file.path()).rdbuf();
    }
    const auto help = run({ctl_program(), {"--help"}}).out;
    std::istringstream lines(help.substr(help.find("Subcommands:")));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line) && line.starts_with("  ")) {
        const auto verb = line.substr(2, line.find(' ', 2) - 2);
        EXPECT_TRUE(fs::exists(fmt::format("{}/{}.txt", ECRYPTFS_TRANSCRIPTS, verb)) ||
                    scenarios.str().contains(fmt::format("\n$ ecryptfsctl {} ", verb)))
            << verb;
    }
}

}  // namespace
}  // namespace ecryptfs::test
