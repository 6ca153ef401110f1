// SPDX-License-Identifier: Apache-2.0
//
// What the tests of ecryptfsctl share.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/wire/key_signature.h"
#include "tests/fakes/temporary_folder.h"

namespace ecryptfs::test {

inline constexpr char kSignature[] = "fe3467554552491d";

wire::KeySignature signature(std::string_view text = kSignature);

inline int exit_code(base::ErrorCode code) {
    return base::traits(code).status;
}

// The example in docs/json.md under the heading of a verb.
nlohmann::ordered_json documented_json(const std::string& verb);

// A file of tests/vectors.
std::string vector_path(std::string_view name);
std::string content_of(const std::string& path);

// A Result that is an Error of this code whose message or advice has this part.
// NOLINTNEXTLINE(readability-identifier-naming): named as matchers are
MATCHER_P2(FailsWith, code, part, "") {
    if (arg.has_value()) {
        *result_listener << "which is no error";
        return false;
    }
    const std::string text = arg.error().message + "\n" + arg.error().advice;
    *result_listener << "whose error is " << base::traits(arg.error().code).name << ": " << text;
    return arg.error().code == code && text.find(part) != std::string::npos;
}

// NOLINTNEXTLINE(readability-identifier-naming): named as matchers are
MATCHER(Succeeds, "") {
    if (!arg.has_value()) {
        *result_listener << "whose error is " << arg.error().message;
    }
    return arg.has_value();
}

}  // namespace ecryptfs::test
