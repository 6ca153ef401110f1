// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gmock/gmock.h>

#include <string>

#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {

// A failure of this status whose message or advice has these parts.
inline auto fails(ecryptfs_pki_status status, const std::string& message,
                  const std::string& advice) {
    return testing::AllOf(testing::Field("status", &Outcome::status, status),
                          testing::Field("message", &Outcome::message, testing::HasSubstr(message)),
                          testing::Field("advice", &Outcome::advice, testing::HasSubstr(advice)));
}

}  // namespace ecryptfs::contract
