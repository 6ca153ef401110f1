// SPDX-License-Identifier: Apache-2.0
//
// The errors of an answer that was not given, whoever asked.

#pragma once

#include <string>
#include <utility>

#include "lib/base/error.h"

namespace ecryptfs::cli {

inline base::Error cancelled_error() {
    return {base::ErrorCode::kCancelled, "interrupted: no passphrase was given"};
}

inline base::Error empty_answer_error(std::string message) {
    return {base::ErrorCode::kSecretRequired, std::move(message),
            "run the command again and type the passphrase or PIN"};
}

}  // namespace ecryptfs::cli
