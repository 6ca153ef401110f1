// SPDX-License-Identifier: Apache-2.0

#include "tests/cli/source_text.h"

#include <algorithm>
#include <cctype>

namespace ecryptfs::test {
namespace {

bool is_word_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Takes tokens from the front of a source.
class Reader {
  public:
    explicit Reader(std::string_view source) : rest_(source) {}

    std::vector<Token> tokens() {
        while (!rest_.empty()) {
            take();
        }
        return std::move(tokens_);
    }

  private:
    void take() {
        if (rest_.starts_with("//")) {
            skip(rest_.find('\n'));
        } else if (rest_.starts_with("R\"(")) {
            const auto end = rest_.find(")\"");
            add_literal(std::string(rest_.substr(3, end - 3)));
            skip(end + 2);
        } else if (rest_.front() == '"') {
            add_literal(quoted('"'));
        } else if (rest_.front() == '\'') {
            quoted('\'');
        } else if (is_word_character(rest_.front())) {
            const bool is_number = std::isdigit(static_cast<unsigned char>(rest_.front())) != 0;
            const auto end = std::ranges::find_if_not(rest_, [&](char c) {
                return is_word_character(c) || (is_number && c == '\'');  // 16'384
            });
            const auto size = static_cast<std::size_t>(end - rest_.begin());
            tokens_.push_back({Token::Kind::kWord, std::string(rest_.substr(0, size))});
            skip(size);
        } else {
            if (std::isspace(static_cast<unsigned char>(rest_.front())) == 0) {
                tokens_.push_back({Token::Kind::kSign, std::string(1, rest_.front())});
            }
            skip(1);
        }
    }

    // Escapes as the compiler reads them, as far as our texts have any.
    std::string quoted(char quote) {
        std::string text;
        std::size_t i = 1;
        for (; i < rest_.size() && rest_[i] != quote; ++i) {
            if (rest_[i] == '\\' && i + 1 < rest_.size()) {
                ++i;
                text += rest_[i] == 'n' ? '\n' : rest_[i];
            } else {
                text += rest_[i];
            }
        }
        skip(i + 1);
        return text;
    }

    void add_literal(std::string text) {
        if (!tokens_.empty() && tokens_.back().kind == Token::Kind::kLiteral) {
            tokens_.back().text += text;
        } else {
            tokens_.push_back({Token::Kind::kLiteral, std::move(text)});
        }
    }

    void skip(std::size_t size) { rest_.remove_prefix(std::min(size, rest_.size())); }

    std::string_view rest_;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view source) {
    return Reader(source).tokens();
}

std::vector<std::string> literals_in(std::string_view source) {
    std::vector<std::string> literals;
    for (const auto& token : tokens_of(source)) {
        if (token.kind == Token::Kind::kLiteral) {
            literals.push_back(token.text);
        }
    }
    return literals;
}

}  // namespace ecryptfs::test
