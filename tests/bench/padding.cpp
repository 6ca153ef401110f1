// SPDX-License-Identifier: Apache-2.0
//
// Whether the time of a failure tells what was wrong with the padding: OAEP gives the key away to
// who learns that often enough (J. Manger, CRYPTO 2001).

#include <algorithm>
#include <array>
#include <random>
#include <stdexcept>

#include "tests/bench/agent_side.h"
#include "tests/bench/figure.h"
#include "tests/bench/key_file.h"

namespace ecryptfs::bench {
namespace {

using Block = std::array<std::uint8_t, 256>;

// What RSA makes of it begins with this byte; OAEP wants a zero there, and more below.
test::Bytes noise_after(evp_pkey_st& key, std::uint8_t first) {
    std::mt19937 random(20261121);
    Block block{};
    std::ranges::generate(block, [&] { return static_cast<std::uint8_t>(random()); });
    block.front() = first;
    return contract::wrap_without_padding(key, block);
}

test::Bytes with_wrong_checksum(evp_pkey_st& key) {
    auto file_key = test::make_file_key(16);
    file_key.back() ^= 1;
    return contract::wrap_by_oaep(key, "SHA1", file_key);
}

}  // namespace

std::vector<Figure> measure_padding(const Settings& settings) {
    const KeyFile file;
    AgentSide agent(file.key(), 1);
    const auto key = contract::read_private_key(file.path(), "");
    // The last is the first once more: how far two of a kind lie apart.
    const std::array wrongs = {noise_after(*key, 0), noise_after(*key, 1),
                               with_wrong_checksum(*key), noise_after(*key, 0)};
    std::array<std::vector<double>, wrongs.size()> times;
    const auto end = std::chrono::steady_clock::now() + settings.time * settings.rounds;
    while (std::chrono::steady_clock::now() < end) {
        for (std::size_t i = 0; i < wrongs.size(); ++i) {
            times.at(i).push_back(1e6 * agent.refuse(wrongs.at(i)).count());
        }
    }
    std::array<double, wrongs.size()> medians{};
    std::ranges::transform(times, medians.begin(), median);
    const auto [fastest, slowest] = std::ranges::minmax(medians);
    Figure figure{.name = "µs between failures of different padding",
                  .limit_name = "of the same",
                  .value = slowest - fastest,
                  .limit = std::abs(medians.front() - medians.back()),
                  .target = 5,
                  .kind = Target::kValueAtMost,
                  .decimals = 1};
    figure.ratio = figure.value / figure.limit;
    return {figure};
}

}  // namespace ecryptfs::bench
