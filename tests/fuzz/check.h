// SPDX-License-Identifier: Apache-2.0
//
// What the fuzz targets share: properties that end the program when they do not hold, which is how
// libFuzzer sees a finding.

#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::fuzz {

// What each target defines: gives one input to a parser and checks what comes of it.
void try_input(base::ByteView input);

inline void require(bool holds, const char* property) {
    if (!holds) {
        std::fprintf(stderr, "property does not hold: %s\n", property);
        std::abort();
    }
}

// Whether a view that a parser gave lies in the bytes that it was given.
inline void require_inside(base::ByteView part, base::ByteView whole) {
    constexpr std::less_equal<const std::uint8_t*> kNotAfter;  // also for unrelated pointers
    require(part.empty() || (kNotAfter(whole.data(), part.data()) &&
                             kNotAfter(part.data() + part.size(), whole.data() + whole.size())),
            "a view stays inside of the input");
}

inline void require_same(base::ByteView left, base::ByteView right, const char* property) {
    require(base::as_text(left) == base::as_text(right), property);
}

// Whether an error is of the parser's code and says what is wrong and at which byte of the input.
inline void require_useful(const base::Error& error, base::ErrorCode code, std::string_view packet,
                           std::size_t input_size) {
    require(error.code == code, "the error has the parser's code");
    require(error.message.starts_with(packet), "the error says what was parsed");
    const auto byte = error.message.rfind(" (byte ");
    require(byte != std::string::npos && error.message.ends_with(')'), "the error says where");
    require(std::strtoull(error.message.c_str() + byte + 7, nullptr, 10) <= input_size,
            "the error's byte is inside of the input or its end");
}

}  // namespace ecryptfs::fuzz
