// SPDX-License-Identifier: Apache-2.0
//
// What an operation of a file system gives: a value, or the errno that the caller of the system
// call gets to see.

#pragma once

#include <expected>

#include "lib/base/error.h"

namespace ecryptfs::fuse {

template <typename T>
using Outcome = std::expected<T, int>;

// The errno of the call that has just failed.
std::unexpected<int> failed_call();

// ENOKEY for a key that is missing or locked, EIO for a damaged file, and so on.
int to_errno(const base::Error& error);

// A Result with its error as an errno: all that the kernel takes.
template <typename T>
Outcome<T> to_outcome(base::Result<T> result) {
    if (!result) {
        return std::unexpected(to_errno(result.error()));
    }
    if constexpr (std::is_void_v<T>) {
        return {};
    } else {
        return std::move(*result);
    }
}

}  // namespace ecryptfs::fuse
