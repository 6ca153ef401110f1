// SPDX-License-Identifier: Apache-2.0
//
// How the program in the guest says its figures: as JSON, one a line.

#pragma once

#include <nlohmann/json.hpp>

#include "tests/bench/figure.h"

namespace ecryptfs::bench {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Figure, name, limit_name, value, limit, ratio, target, decimals)

}  // namespace ecryptfs::bench
