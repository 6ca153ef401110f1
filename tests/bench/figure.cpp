// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/figure.h"

#include <algorithm>

namespace ecryptfs::bench {

bool is_met(const Figure& figure) {
    switch (figure.kind) {
        case Target::kRatioAtLeast:
            return figure.ratio >= figure.target;
        case Target::kRatioAtMost:
            return figure.ratio <= figure.target;
        case Target::kValueAtMost:
            break;
    }
    return figure.value <= figure.target;
}

double percentile(const std::vector<double>& sorted, double percent) {
    const auto index = static_cast<double>(sorted.size()) * percent / 100;
    return sorted.at(std::min(static_cast<std::size_t>(index), sorted.size() - 1));
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return percentile(values, 50);
}

Figure compare(const Settings& settings, Figure figure, const std::function<double()>& ours,
               const std::function<double()>& limit) {
    std::vector<double> values;
    std::vector<double> limits;
    std::vector<double> ratios;
    for (int round = 0; round < settings.rounds; ++round) {
        values.push_back(ours());
        limits.push_back(limit());
        ratios.push_back(values.back() / limits.back());
    }
    figure.value = median(values);
    figure.limit = median(limits);
    figure.ratio = median(ratios);
    return figure;
}

Figure compare(const Settings& settings, Figure figure, Side& ours, Side& limit) {
    ours.rate(settings.time / 4);
    limit.rate(settings.time / 4);
    return compare(
        settings, std::move(figure), [&] { return ours.rate(settings.time); },
        [&] { return limit.rate(settings.time); });
}

}  // namespace ecryptfs::bench
