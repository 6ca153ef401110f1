// SPDX-License-Identifier: Apache-2.0
//
// Has the virtual machine measure, and takes the figures from what the program there prints.

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/bench/kernel/figure_line.h"
#include "tests/bench/outside.h"

namespace ecryptfs::bench {
namespace {

// For a guest that is slow, not for one that hangs.
constexpr int kTimeout = 1800;
// The steady machine gives the same each time.
constexpr int kRounds = 1;
constexpr int kSeconds = 3;

}  // namespace

std::vector<Figure> measure_on_kernel(const Settings& settings) {
    const auto command =
        fmt::format("'{}' --kernel '{}' --timeout {} --steady -- '{}' {} {}", ECRYPTFS_VM_RUN,
                    settings.kernel, kTimeout, ECRYPTFS_KERNEL_BENCH, kRounds, kSeconds);
    std::vector<Figure> figures;
    run_outside(command, [&](const std::string& line) {
        if (line.starts_with('{')) {
            figures.push_back(nlohmann::json::parse(line).get<Figure>());
        } else {
            std::cerr << line;
        }
    });
    if (figures.empty()) {
        throw std::runtime_error("the virtual machine gave no figures");
    }
    return figures;
}

}  // namespace ecryptfs::bench
