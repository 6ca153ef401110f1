// SPDX-License-Identifier: Apache-2.0
//
// Reads every command of ecryptfsctl in the product's texts: each must be one that it understands,
// with all that it needs.

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>

#include "cli/verbs/command_line.h"
#include "tests/cli/source_text.h"
#include "tests/support/files.h"
#include "tests/support/signatures.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

// Every "ecryptfsctl WORD…" that is a command: where a text, a line or a clause begins.
std::vector<std::string> commands_in(const std::string& text) {
    static const std::regex form(
        R"re((?:^|\n *|[:;,(] ?|\bor |\bsudo )ecryptfsctl( [^\n|;,:)']*(?:'[^'\n]*'[^\n|;,:)']*)*))re");
    std::vector<std::string> commands;
    for (std::sregex_iterator match(text.begin(), text.end(), form), end; match != end; ++match) {
        commands.push_back((*match)[1]);
    }
    return commands;
}

// As a shell takes it apart. What the program fills in stands for a signature. Two blanks end it,
// as in a table.
std::vector<std::string> words_of(const std::string& command) {
    static const std::regex form(R"re( ((?:'[^']*'|[^ '])+)(  .*)?)re");
    std::vector<std::string> words;
    for (std::sregex_iterator match(command.begin(), command.end(), form), end; match != end;
         ++match) {
        std::string word =
            std::regex_replace(match->str(1), std::regex(R"(\{[a-z_]*\})"), kSignature);
        std::erase(word, '\'');
        words.push_back(word);
    }
    return words;
}

// No command, but the program's name: nothing that is to be typed.
bool is_the_name(const std::vector<std::string>& words) {
    return words.empty() || words.front() == kSignature;
}

void check(const fs::path& file, const std::string& command) {
    EXPECT_EQ(command.find("…"), std::string::npos) << file << ": ecryptfsctl" << command;
    const auto words = words_of(command);
    if (is_the_name(words)) {
        return;
    }
    const auto line = cli::parse_command_line(words);
    EXPECT_TRUE(line.has_value()) << file << ": ecryptfsctl" << command << ": "
                                  << line.error().message;
}

TEST(AdvisedCommands, EcryptfsctlUnderstandsThem) {
    const fs::path root = ECRYPTFS_SOURCE_DIR;
    std::size_t checked = 0;
    for (const auto* folder : {"lib", "agent", "pki-modules", "cli"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (entry.path().extension() != ".cpp") {
                continue;
            }
            for (const auto& literal : literals_in(content_of(entry.path()))) {
                for (const auto& command : commands_in(literal)) {
                    ++checked;
                    check(fs::relative(entry.path(), root), command);
                }
            }
        }
    }
    EXPECT_GE(checked, 40U) << "were the sources found?";
}

TEST(AdvisedCommands, AreFoundInTexts) {
    const auto literals = literals_in(
        "f(\"try: ecryptfsctl \"  // a comment\n"
        "  \"lock; or \\\"x\\\"\", '\"', R\"(a\n  ecryptfsctl status | jq)\");");
    EXPECT_EQ(literals, (std::vector<std::string>{"try: ecryptfsctl lock; or \"x\"",
                                                  "a\n  ecryptfsctl status | jq"}));
    EXPECT_EQ(commands_in("sudo ecryptfsctl mount {}; that ecryptfsctl is"),
              std::vector<std::string>{" mount {}"});
    EXPECT_EQ(commands_in("ecryptfsctl add-key 'pkcs11:token=a;object=b'; or"),
              std::vector<std::string>{" add-key 'pkcs11:token=a;object=b'"});
    EXPECT_EQ(words_of(" add-key 'a b' {}  as the last time"),
              (std::vector<std::string>{"add-key", "a b", kSignature}));
    EXPECT_FALSE(cli::parse_command_line({"add-key"}).has_value());
}

}  // namespace
}  // namespace ecryptfs::test
