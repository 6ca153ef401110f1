// SPDX-License-Identifier: Apache-2.0
//
// ./dev bench: each figure beside its limit, both measured in turns in one run. The machine may be
// noisy: what counts is the median of the rounds' ratios.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/bench/side.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/softhsm.h"
#include "tests/contract/software_tpm.h"
#include "tests/fakes/private_keyrings.h"

namespace {

using namespace ecryptfs;
using bench::Side;

struct Settings {
    int rounds = 7;
    bench::Seconds time{2.0};  // of one side in one round
    std::string json;
};

struct Figure {
    std::string name;
    std::string limit_name;
    double value = 0;
    double limit = 0;
    double ratio = 0;
    double target = 0;
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values.at(values.size() / 2);
}

Figure compare(const Settings& settings, Figure figure, Side& ours, Side& limit) {
    ours.rate(settings.time / 4);  // warm
    limit.rate(settings.time / 4);
    std::vector<double> values;
    std::vector<double> limits;
    std::vector<double> ratios;
    for (int round = 0; round < settings.rounds; ++round) {
        values.push_back(ours.rate(settings.time));
        limits.push_back(limit.rate(settings.time));
        ratios.push_back(values.back() / limits.back());
    }
    figure.value = median(values);
    figure.limit = median(limits);
    figure.ratio = median(ratios);
    std::cout << fmt::format("| {} | {:.0f} | {} | {:.0f} | {:.2f} | {:.2f} |\n", figure.name,
                             figure.value, figure.limit_name, figure.limit, figure.ratio,
                             figure.target)
              << std::flush;
    return figure;
}

Figure measure_nothing(const Settings& settings) {
    const auto ours = bench::through_agent({"example:b", "example", "", ""}, 32);
    const auto limit = bench::bare_socket(32);
    return compare(settings,
                   {.name = "requests/s of a module that does nothing",
                    .limit_name = "read and write on the same kind of socket",
                    .target = 0.30},
                   *ours, *limit);
}

Figure measure_openssl(const Settings& settings) {
    const contract::TemporaryFolder folder;
    const auto uri = folder.write(
        "key.pem", contract::to_pem(*contract::make_rsa_key(2048), contract::PemForm::kPkcs8));
    const auto ours = bench::through_agent({uri, "openssl", "", ""}, 32);
    const auto limit = bench::raw_openssl(folder.path("key.pem").string());
    return compare(settings,
                   {.name = "decrypts/s, key file, RSA-2048",
                    .limit_name = "OpenSSL in a loop on all processors",
                    .target = 0.90},
                   *ours, *limit);
}

Figure measure_pkcs11(const Settings& settings) {
    auto& hsm = contract::SoftHsm::instance();
    hsm.import("contract", "bench", "be",
               contract::to_pem(*contract::make_rsa_key(2048), contract::PemForm::kPkcs8));
    const auto ours =
        bench::through_agent({"pkcs11:token=contract;object=bench", "pkcs11", contract::kPin,
                              hsm.folder().path("softhsm2.conf").string()},
                             32);
    const auto limit = bench::raw_softhsm("bench", contract::kPin);
    return compare(settings,
                   {.name = "decrypts/s, PKCS#11 (SoftHSM), RSA-2048",
                    .limit_name = "SoftHSM in a loop on all processors",
                    .target = 0.90},
                   *ours, *limit);
}

Figure measure_tpm2(const Settings& settings) {
    const contract::SoftwareTpm agents;
    const contract::SoftwareTpm raw;
    agents.create_key("key");
    const auto ours =
        bench::through_agent({agents.locator("key.pem") + "&auth=none", "tpm2", "", ""}, 8);
    const auto limit = bench::raw_tpm(raw.tcti());
    return compare(settings,
                   {.name = "decrypts/s, TPM 2.0 (swtpm), RSA-2048",
                    .limit_name = "ESYS in a loop on a TPM of its own",
                    .target = 0.90},
                   *ours, *limit);
}

Settings parse(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "--quick") {
            settings.rounds = 3;
            settings.time = bench::Seconds(1.0);
        } else if (argument == "--json" && i + 1 < argc) {
            settings.json = argv[++i];
        } else {
            std::cerr << "usage: ./dev bench [--quick] [--json FILE]\n";
            std::exit(2);
        }
    }
    return settings;
}

void write_json(const std::string& path, const std::vector<Figure>& figures) {
    auto list = nlohmann::json::array();
    for (const auto& figure : figures) {
        list.push_back({{"name", figure.name},
                        {"value", figure.value},
                        {"limit_name", figure.limit_name},
                        {"limit", figure.limit},
                        {"ratio", figure.ratio},
                        {"target", figure.target}});
    }
    std::ofstream(path) << list.dump(2) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
    const auto settings = parse(argc, argv);
    if (!test::keyrings_are_private()) {
        return test::run_with_private_keyrings(argv);
    }
    testing::InitGoogleTest();
    std::cout << "| figure | measured | limit | measured | ratio | target |\n"
                 "|---|---|---|---|---|---|\n";
    std::vector<Figure> figures;
    for (const auto measure : {measure_nothing, measure_openssl, measure_pkcs11, measure_tpm2}) {
        figures.push_back(measure(settings));
    }
    if (!settings.json.empty()) {
        write_json(settings.json, figures);
    }
    const bool met = std::ranges::all_of(
        figures, [](const Figure& figure) { return figure.ratio >= figure.target; });
    std::cout << (met ? "All targets are met.\n" : "Not all targets are met.\n");
}
