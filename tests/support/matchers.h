// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gmock/gmock.h>

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::test {

// NOLINTBEGIN(readability-identifier-naming): matchers are named so

// A Result that is an Error of this code whose message or advice has this part.
MATCHER_P2(FailsWith, code, part, "") {
    if (arg.has_value()) {
        *result_listener << "which is no error";
        return false;
    }
    const std::string text = arg.error().message + "\n" + arg.error().advice;
    *result_listener << "whose error is " << base::traits(arg.error().code).name << ": " << text;
    return arg.error().code == code && text.find(part) != std::string::npos;
}

// A Result with a value.
MATCHER(Succeeds, "") {
    if (!arg.has_value()) {
        *result_listener << "whose error is " << arg.error().message;
    }
    return arg.has_value();
}

// NOLINTEND(readability-identifier-naming)

}  // namespace ecryptfs::test
