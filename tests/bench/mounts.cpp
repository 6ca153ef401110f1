// SPDX-License-Identifier: Apache-2.0
//
// Has a program outside measure: who is an ordinary user in a namespace of its own cannot mount.

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/bench/kernel/figure_line.h"
#include "tests/bench/outside.h"

namespace ecryptfs::bench {

std::vector<Figure> measure_mount(const Settings& settings) {
    const auto command = fmt::format("'{}' {} {}", ECRYPTFS_MOUNT_BENCH,
                                     settings.quick ? "quick" : "full", settings.rounds);
    std::vector<Figure> figures;
    run_outside(command, [&](const std::string& line) {
        figures.push_back(nlohmann::json::parse(line).get<Figure>());
    });
    if (figures.empty()) {
        throw std::runtime_error("the mounts gave no figures: see above");
    }
    return figures;
}

}  // namespace ecryptfs::bench
