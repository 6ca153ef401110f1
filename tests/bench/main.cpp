// SPDX-License-Identifier: Apache-2.0
//
// ./dev bench: each figure beside its limit, both measured in turns in one run. The machine may be
// noisy: what counts is the median of the rounds' ratios.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/file_io.h"
#include "tests/bench/figure.h"
#include "tests/bench/outside.h"
#include "tests/fakes/private_keyrings.h"

namespace {

using namespace ecryptfs;
using bench::Figure;
using bench::Target;

struct Measurement {
    const char* name;
    std::vector<Figure> (*measure)(const bench::Settings&);
};

constexpr Measurement kMeasurements[] = {
    {"nothing", bench::measure_nothing},  {"openssl", bench::measure_openssl},
    {"pkcs11", bench::measure_pkcs11},    {"tpm2", bench::measure_tpm2},
    {"latency", bench::measure_latency},  {"padding", bench::measure_padding},
    {"start", bench::measure_start},      {"memory", bench::measure_memory},
    {"key-end", bench::measure_key_end},  {"growth", bench::measure_growth},
    {"rekey", bench::measure_rekey},      {"mount", bench::measure_mount},
    {"kernel", bench::measure_on_kernel},
};

std::string row(const Figure& figure) {
    const auto number = [&](double value) {
        return fmt::format(fmt::runtime(fmt::format("{{:.{}f}}", figure.decimals)), value);
    };
    const bool stands_alone = figure.limit_name.empty();
    const char* sign = figure.kind == Target::kRatioAtLeast ? "≥" : "≤";
    return fmt::format(
        "| {} | {} | {} | {} | {} | {} {:.4g} |\n", figure.name, number(figure.value),
        stands_alone ? "–" : figure.limit_name, stands_alone ? "–" : number(figure.limit),
        stands_alone ? "–" : fmt::format("{:.2f}", figure.ratio), sign, figure.target);
}

nlohmann::json json_of(const Figure& figure) {
    nlohmann::json json = {{"name", figure.name},
                           {"value", figure.value},
                           {"target", figure.target},
                           {"met", bench::is_met(figure)}};
    if (!figure.limit_name.empty()) {
        json["limit_name"] = figure.limit_name;
        json["limit"] = figure.limit;
        json["ratio"] = figure.ratio;
    }
    return json;
}

std::vector<Figure> measure_all(const bench::Settings& settings,
                                const std::vector<std::string>& wanted) {
    std::cout << "| figure | measured | limit | measured | ratio | target |\n"
                 "|---|---|---|---|---|---|\n";
    std::vector<Figure> figures;
    for (const auto& [name, measure] : kMeasurements) {
        if (!wanted.empty() && std::ranges::count(wanted, name) == 0) {
            continue;
        }
        for (const auto& figure : measure(settings)) {
            std::cout << row(figure) << std::flush;
            figures.push_back(figure);
        }
    }
    return figures;
}

constexpr char kJsonFile[] = "ECRYPTFS_BENCH_JSON";  // its descriptor

// While we still have the right to write to it.
void open_json(const std::string& path) {
    if (path.empty()) {
        return;
    }
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);  // stays over exec
    if (fd < 0) {
        throw base::Failure(base::system_error(base::ErrorCode::kAccessDenied, path, errno));
    }
    ::setenv(kJsonFile, std::to_string(fd).c_str(), 1);
}

void write_json(const std::vector<Figure>& figures) {
    if (const char* fd = std::getenv(kJsonFile)) {
        auto list = nlohmann::json::array();
        std::ranges::transform(figures, std::back_inserter(list), json_of);
        const auto text = list.dump(2) + '\n';
        static_cast<void>(base::write_all(std::stoi(fd), base::as_bytes(text)));
    }
}

int run(int argc, char** argv) {
    bench::Settings settings;
    std::string json_path;
    std::vector<std::string> wanted;
    std::vector<std::string> names;
    std::ranges::transform(kMeasurements, std::back_inserter(names), &Measurement::name);
    CLI::App app("Measures, each figure beside its limit.", "./dev bench");
    app.add_flag("--quick", settings.quick, "in a minute, and less exactly");
    app.add_option("--json", json_path, "write the figures to a file, too");
    app.add_option("--kernel", settings.kernel, "for the figure `kernel`: 6.1 (default) or 6.12");
    app.add_option("FIGURE", wanted, "these only; with --quick, else all but `mount` and `kernel`")
        ->check(CLI::IsMember(names));
    CLI11_PARSE(app, argc, argv);
    if (!test::keyrings_are_private()) {
        open_json(json_path);
        bench::stay_outside();
        return test::run_with_private_keyrings(argv);
    }
    testing::InitGoogleTest();
    if (settings.quick) {
        settings.rounds = 3;
        settings.time = bench::Seconds(0.75);
    }
    if (settings.quick && wanted.empty()) {
        names.resize(names.size() - 2);  // the last, which take their time
        wanted = names;
    }
    const auto figures = measure_all(settings, wanted);
    write_json(figures);
    std::cout << (std::ranges::all_of(figures, bench::is_met) ? "All targets are met.\n"
                                                              : "Not all targets are met.\n");
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << '\n';
        return EXIT_FAILURE;
    }
}
