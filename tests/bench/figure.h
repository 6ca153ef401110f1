// SPDX-License-Identifier: Apache-2.0
//
// What ./dev bench tells: a measured figure, what it is held against, and what it should be.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/bench/side.h"

namespace ecryptfs::bench {

struct Settings {
    int rounds = 7;
    Seconds time{2.0};           // of one side in one round
    std::string kernel = "6.1";  // of tests/vm/run
    bool quick = false;
};

enum class Target { kRatioAtLeast, kRatioAtMost, kValueAtMost };

struct Figure {
    std::string name;
    std::string limit_name = {};  // empty where the figure stands for itself
    double value = 0;
    double limit = 0;
    double ratio = 0;  // to the limit
    double target = 0;
    Target kind = Target::kRatioAtLeast;
    int decimals = 0;
};

bool is_met(const Figure& figure);

double median(std::vector<double> values);
// Of sorted values.
double percentile(const std::vector<double>& sorted, double percent);

// Measures both in turns, a pair a round, and fills in the medians, of the ratios too.
Figure compare(const Settings& settings, Figure figure, const std::function<double()>& ours,
               const std::function<double()>& limit);
// Rates of two sides, warm.
Figure compare(const Settings& settings, Figure figure, Side& ours, Side& limit);

// Sets of figures that are measured together.
std::vector<Figure> measure_nothing(const Settings& settings);
std::vector<Figure> measure_openssl(const Settings& settings);
std::vector<Figure> measure_pkcs11(const Settings& settings);
std::vector<Figure> measure_tpm2(const Settings& settings);
std::vector<Figure> measure_latency(const Settings& settings);
std::vector<Figure> measure_padding(const Settings& settings);
std::vector<Figure> measure_start(const Settings& settings);
std::vector<Figure> measure_memory(const Settings& settings);
std::vector<Figure> measure_key_end(const Settings& settings);
std::vector<Figure> measure_growth(const Settings& settings);
std::vector<Figure> measure_rekey(const Settings& settings);
std::vector<Figure> measure_mount(const Settings& settings);
std::vector<Figure> measure_on_kernel(const Settings& settings);

}  // namespace ecryptfs::bench
