// SPDX-License-Identifier: Apache-2.0
//
// C++ source as tests read it that look at the texts in it: words, signs and string literals,
// without comments. Good enough for this project's own sources.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ecryptfs::test {

struct Token {
    enum class Kind { kWord, kSign, kLiteral };  // a sign is one character
    Kind kind = Kind::kSign;
    std::string text;  // of a literal its contents, without escapes

    bool is(std::string_view sign) const { return kind != Kind::kLiteral && text == sign; }
};

// Literals with nothing but comments in between are one.
std::vector<Token> tokens_of(std::string_view source);

std::vector<std::string> literals_in(std::string_view source);

}  // namespace ecryptfs::test
