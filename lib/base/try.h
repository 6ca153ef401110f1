// SPDX-License-Identifier: Apache-2.0
//
// Passes an error on to the caller.

#pragma once

#include <expected>
#include <type_traits>
#include <utility>

namespace ecryptfs::base {

template <typename T, typename E>
T take_value(std::expected<T, E>&& result) {
    if constexpr (!std::is_void_v<T>) {
        return std::move(*result);
    }
}

}  // namespace ecryptfs::base

// The value of an expression that gives a Result. If that is an error, the function returns it:
//     const auto header = TRY(read_header(fd));
// Only as a whole statement, or as all that a variable is initialized with or that is returned:
// GCC does not destroy the other temporaries of an expression that is left in its middle.
#define TRY(...)                                                       \
    __extension__({                                                    \
        auto ecryptfs_tried = (__VA_ARGS__);                           \
        if (!ecryptfs_tried) {                                         \
            return std::unexpected(std::move(ecryptfs_tried).error()); \
        }                                                              \
        ::ecryptfs::base::take_value(std::move(ecryptfs_tried));       \
    })
