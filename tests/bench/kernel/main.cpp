// SPDX-License-Identifier: Apache-2.0
//
// Figures with the real kernel: ./dev bench kernel runs this in the virtual machine. A line of JSON
// on standard output for each, the rounds on standard error.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <vector>

#include "tests/bench/kernel/canned_daemon.h"
#include "tests/bench/kernel/figure_line.h"
#include "tests/bench/kernel/files_side.h"
#include "tests/bench/kernel/openssl_speed.h"
#include "tests/bench/kernel/whole_tree.h"
#include "tests/vm/kernel.h"
#include "tests/vm/keyring.h"

namespace {

using namespace ecryptfs;
using bench::Seconds;

constexpr char kKeyFile[] = "k2048.pem";
constexpr char kPassphrase[] = "secret";
constexpr char kSignature[] = "fe3467554552491d";
constexpr char kToken[] = "rsa2048-aes16";  // of tests/vectors

// A figure as its rounds add up.
struct Comparison {
    bench::Figure figure;
    std::vector<double> values{};
    std::vector<double> limits{};
    std::vector<double> ratios{};

    void add(double value, double limit) {
        values.push_back(value);
        limits.push_back(limit);
        ratios.push_back(value / limit);
    }
    bench::Figure result() const {
        auto result = figure;
        result.value = bench::median(values);
        result.limit = bench::median(limits);
        result.ratio = bench::median(ratios);
        return result;
    }
};

// The agent has the device for one user and the canned daemon for another: the two take turns, and
// who has none of it sleeps.
class Ground {
  public:
    explicit Ground(const bench::Settings& settings) : settings_(settings) {
        const auto key_file = vm::install_key(vm::alice(), kKeyFile);
        agents_.add_key(key_file, kPassphrase);
        const bench::KeyFile key{kSignature, key_file, kPassphrase};
        readings_.emplace_back(
            decryptions_of("256 files of 4 kB"),
            std::make_unique<bench::WholeTree>(agents_, "small", key, 256, 4 << 10));
        readings_.emplace_back(
            decryptions_of("2 files of 16 MB"),
            std::make_unique<bench::WholeTree>(agents_, "large", key, 2, 16 << 20));
        vm::load_token(canned_, kToken, kSignature);
        agents_side_.emplace(agents_, "agent", kSignature);
        canned_side_.emplace(canned_, "canned", kSignature);
    }

    void measure_round() {
        const auto rsa = bench::openssl_speed(settings_.time);
        std::cerr << fmt::format("RSA: {:.0f} private, {:.0f} public operations/s\n",
                                 rsa.private_operations, rsa.public_operations);
        for (auto& [openers, comparison] : opens_) {
            const auto kernel = canned_side_->opens(openers, settings_.time);
            const auto ours = agents_side_->opens(openers, settings_.time);
            comparison.add(ours, 1 / (1 / rsa.private_operations + 1 / kernel));
            std::cerr << fmt::format("{} openers: {:.0f} opens/s, {:.0f} with canned replies\n",
                                     openers, ours, kernel);
        }
        for (auto& [creators, comparison] : creates_) {
            const auto kernel = canned_side_->creates(creators, settings_.time);
            const auto ours = agents_side_->creates(creators, settings_.time);
            comparison.add(ours, kernel);
            std::cerr << fmt::format("{} creators: {:.0f} creates/s, {:.0f} with canned replies\n",
                                     creators, ours, kernel);
        }
        for (auto& [comparison, tree] : readings_) {
            const auto kernel = tree->copied_from_mount();
            const auto ours = tree->decrypted();
            comparison.add(ours, kernel);
            std::cerr << fmt::format("{}: {:.2f}, {:.2f} by the mount\n", comparison.figure.name,
                                     ours, kernel);
        }
    }

    void show_results() const {
        for (const auto* comparisons : {&opens_, &creates_}) {
            for (const auto& [processes, comparison] : *comparisons) {
                std::cout << nlohmann::json(comparison.result()) << '\n';
            }
        }
        for (const auto& [comparison, tree] : readings_) {
            std::cout << nlohmann::json(comparison.result()) << '\n';
        }
    }

  private:
    static Comparison opens_by(int openers) {
        return {{.name = fmt::format("opens/s, real kernel, RSA-2048, {} openers", openers),
                 .limit_name = "the kernel with canned replies, and then `openssl speed`",
                 .target = 0.95}};
    }
    static Comparison creates_by(int creators) {
        return {{.name = fmt::format("creates/s, real kernel, {} creator{}", creators,
                                     creators == 1 ? "" : "s"),
                 .limit_name = "the kernel with canned replies",
                 .target = 0.80}};
    }
    static Comparison decryptions_of(const std::string& what) {
        return {{.name = "files/s, `ecryptfsctl decrypt`, " + what,
                 .limit_name = "`cp` from the mount",
                 .target = 1.00,
                 .decimals = 1}};
    }

    bench::Settings settings_;
    vm::UserSession agents_{vm::alice()};
    vm::UserSession canned_{vm::bob()};
    bench::CannedDaemon daemon_{vm::bob()};
    std::optional<bench::FilesSide> agents_side_;
    std::optional<bench::FilesSide> canned_side_;
    std::map<int, Comparison> opens_{{8, opens_by(8)}, {32, opens_by(32)}};
    std::map<int, Comparison> creates_{{1, creates_by(1)}, {8, creates_by(8)}};
    std::vector<std::pair<Comparison, std::unique_ptr<bench::WholeTree>>> readings_;
};

int run(const bench::Settings& settings) {
    vm::read_kernel_log();
    Ground ground(settings);
    for (int round = 0; round < settings.rounds; ++round) {
        ground.measure_round();
    }
    ground.show_results();
    if (const auto fault = vm::fault_in(vm::read_kernel_log()); !fault.empty()) {
        std::cerr << "the kernel complained: " << fault << '\n';
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3 || !std::filesystem::exists("/run/vm/settings") || ::geteuid() != 0) {
        std::cerr << "usage, as root in the virtual machine only: ecryptfs_kernel_bench ROUNDS "
                     "SECONDS\n";
        return 2;
    }
    testing::InitGoogleTest();
    GTEST_FLAG_SET(throw_on_failure, true);  // the guest's parts expect to be in a test
    try {
        return run({.rounds = std::stoi(argv[1]), .time = Seconds(std::stod(argv[2]))});
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << '\n';
        return EXIT_FAILURE;
    }
}
