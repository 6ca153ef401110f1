// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/kernel/openssl_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/vm/process.h"

namespace ecryptfs::bench {

// The last line: "rsa 2048 bits 0.002985s 0.000082s    335.0  12195.1".
RsaSpeed openssl_speed(Seconds time) {
    const auto seconds =
        fmt::format("{}", std::max(1, static_cast<int>(std::lround(time.count()))));
    const auto processes = fmt::format("{}", std::thread::hardware_concurrency());
    const auto outcome = vm::run(
        {.user = vm::alice()},
        {"openssl", "speed", "-multi", processes, "-elapsed", "-seconds", seconds, "rsa2048"});
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        RsaSpeed speed;
        if (line.starts_with("rsa 2048 bits") && words >> word >> word >> word >> word >> word >>
                                                     speed.private_operations >>
                                                     speed.public_operations) {
            return speed;
        }
    }
    throw std::runtime_error("openssl speed: " + outcome.err);
}

}  // namespace ecryptfs::bench
