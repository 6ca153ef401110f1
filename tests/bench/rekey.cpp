// SPDX-License-Identifier: Apache-2.0
//
// How many lower files a second get another passphrase's key, with all that is done for them to
// survive a loss of power. On the disk that has /var/tmp.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/bench/figure.h"
#include "tests/fakes/build_under_test.h"
#include "tests/support/command.h"
#include "tests/support/lower_files.h"

namespace ecryptfs::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr double kWanted = 100'000.0 / 60;

std::string ctl_prints(const test::Arguments& arguments, const std::string& input = "") {
    const auto outcome = test::run({test::ctl_program(), arguments}, input);
    if (outcome.exit_code != 0) {
        throw std::runtime_error("ecryptfsctl: " + outcome.err);
    }
    return outcome.out;
}

// Goes with its files.
class LowerTree {
  public:
    explicit LowerTree(int files) : path_(fmt::format("/var/tmp/rekey-bench-{}", ::getpid())) {
        const auto content = test::lower_file_of(std::vector<std::uint8_t>(1'000, 'x'));
        for (int i = 0; i < files; ++i) {
            const auto folder = path_ / std::to_string(i / 1'000);
            fs::create_directories(folder);
            std::ofstream(folder / std::to_string(i), std::ios::binary) << content;
        }
    }
    LowerTree(const LowerTree&) = delete;
    LowerTree& operator=(const LowerTree&) = delete;
    ~LowerTree() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

std::string add_passphrase(const std::string& passphrase) {
    return ctl_prints({"add-passphrase", "--passphrase-file", "-"}, passphrase).substr(0, 16);
}

}  // namespace

std::vector<Figure> measure_rekey(const Settings& settings) {
    const int files = settings.quick ? 10'000 : 100'000;
    const LowerTree tree(files);
    const std::array keys = {add_passphrase("correct-horse"), add_passphrase("another")};
    std::vector<double> rates;
    for (int round = 0; round < std::min(settings.rounds, 3); ++round) {
        const auto start = Clock::now();
        ctl_prints({"rekey", tree.path(), "--to", keys.at((round + 1) % keys.size())});
        rates.push_back(files / Seconds(Clock::now() - start).count());
    }
    const double rate = median(rates);
    return {{.name = "files/s, `ecryptfsctl rekey`, passphrases",
             .limit_name = "100,000 files a minute",
             .value = rate,
             .limit = kWanted,
             .ratio = rate / kWanted,
             .target = 1}};
}

}  // namespace ecryptfs::bench
