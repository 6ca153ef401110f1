// SPDX-License-Identifier: Apache-2.0
//
// Is there a row for each advice in the product? The rows are in the files *advice_test.cpp, which
// make the error for real and follow the advice; they have the text of each advice as it comes.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "cli/verbs/verbs.h"
#include "tests/cli/source_text.h"
#include "tests/support/files.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<Token>;

// Advice without a row, and why.
const std::map<std::string, std::string> kExcused = {
    {"raise the memory-lock limit: LimitMEMLOCK= in the systemd unit, or memlock in "
     "/etc/security/limits.conf (see it with: ulimit -l)",
     "of a process with a limit: tests/unit/base/secret_bytes_test.cpp"},
    {"raise the memory-lock limit (see it with: ulimit -l)", "likewise"},
    {"raise the memory-lock limit (see it with: ulimit -l); in a systemd unit: LimitMEMLOCK=8M",
     "likewise"},
    {"remove a key, or raise the memory-lock limit: LimitMEMLOCK= in the systemd unit, or memlock "
     "in /etc/security/limits.conf (see it with: ulimit -l)",
     "likewise: tests/contract/openssl_memory_test.cpp"},
    {"restart the agent: systemctl --user restart ecryptfs-agent",
     "of a host of another version: takes two builds"},
    {"find it and stop it: pgrep --list-name --euid $(id -u) ecryptfs",
     "of a kernel that has the device: tests/vm/refusals_test.cpp"},
    {"make the key elsewhere and write it to the token with its own tool",
     "SoftHSM makes RSA keys"},
    {"take another size or token", "SoftHSM makes them of each size that we make"},
    {"install OpenSSL's legacy provider: apt install openssl-provider-legacy",
     "Debian 12's openssl has it"},
    {"load the module first, and one module a process", "a host does"},
    {"eCryptfs names keys by SHA-1: see that OpenSSL's configuration allows it",
     "OpenSSL's default allows it"},
    {"the package ecryptfs-agent gives the device to the group ecryptfs: sudo udevadm trigger "
     "/dev/ecryptfs",
     "of a device of root's"},
    {"{} is in the group {}, but this session began before: log out of all sessions and in again",
     "takes two logins"},
    {"end what writes to it, and run this again", "of a header that changes within a moment"},
    {"use --passphrase-file", "of a terminal that fails in the middle"},
    {"remove a key that you no longer need: ecryptfsctl remove-key SIGNATURE; see what there is: "
     "cat /proc/keys; and the limits: grep . /proc/sys/kernel/keys/max*",
     "of a quota that is used up: tests/vm/doctor_test.cpp"},
    {"see that the token or TPM is well, and try again",
     "of a module that takes minutes to answer"},
    {"choose an --output that nobody else can write into",
     "of root in somebody's folder: tests/cli/decrypt_as_root_test.cpp"},
    {"have root own the library: a library of a user's is not loaded then",
     "of a user whom the password database does not have"},
    {"mount it: sudo mount -t proc proc /proc", "of a system without /proc that has our helper"},
    {"load eCryptfs, which brings them: sudo modprobe ecryptfs",
     "of a kernel without keys of a type that this machine's has"},
    {"see the kernel's log for why: journalctl --dmesg",
     "of a mount helper that is killed: tests/cli/mount_helper_test.cpp"},
};

// What an error or finding begins with: the values of ErrorCode and Health, or a variable `code`.
const std::set<std::string>& codes() {
    static const auto all = [] {
        std::set<std::string> names = {"code", "kBroken", "kDoubtful"};
        const auto tokens =
            tokens_of(content_of(std::string(ECRYPTFS_SOURCE_DIR) + "/lib/base/error.h"));
        for (std::size_t i = 1; i + 1 < tokens.size(); ++i) {
            if (tokens[i].text.starts_with('k') && tokens[i + 1].is(",")) {
                names.insert(tokens[i].text);
            }
        }
        return names;
    }();
    return all;
}

bool is_word(const Token& token) {
    return token.kind == Token::Kind::kWord;
}

// The arguments of a call or an initializer: [first, last) of each, in tokens.
struct Group {
    using Range = std::pair<std::size_t, std::size_t>;
    std::string name = {};  // of the function, if it is a call or declares one
    std::vector<Range> arguments = {};
};

// Finds the texts of advice in one source file:
// * what stands two behind an ErrorCode or Health, or a `code`, as in Error{code, message, advice};
// * what is given for a parameter named advice, in the file that has the function;
// * what a name with "advice" in it is set to, or returned by a function of such a name.
class AdviceFinder {
  public:
    explicit AdviceFinder(Tokens tokens) : tokens_(std::move(tokens)) {
        find_groups();
        find_functions();
    }

    std::set<std::string> texts() {
        for (const auto& group : groups_) {
            add_behind_code(group);
            const auto function = functions_.find(group.name);
            if (function != functions_.end() && function->second < group.arguments.size()) {
                add(group.arguments[function->second]);
            }
        }
        add_of_names();
        return std::move(texts_);
    }

  private:
    static bool is_opening(const Token& token) {
        return token.is("(") || token.is("{") || token.is("[");
    }
    static bool is_closing(const Token& token) {
        return token.is(")") || token.is("}") || token.is("]");
    }

    void find_groups() {
        std::vector<std::pair<Group, std::size_t>> open;  // and where its last argument begins
        for (std::size_t i = 0; i < tokens_.size(); ++i) {
            if (is_opening(tokens_[i])) {
                open.push_back({{tokens_[i].is("(") && i > 0 ? name_before(i) : ""}, i + 1});
            } else if (!open.empty() && (is_closing(tokens_[i]) || tokens_[i].is(","))) {
                auto& [group, begin] = open.back();
                group.arguments.emplace_back(begin, i);
                begin = i + 1;
                if (is_closing(tokens_[i])) {
                    groups_.push_back(std::move(group));
                    open.pop_back();
                }
            }
        }
    }

    // NAME(…), or NAME = [&](…) of a lambda.
    std::string name_before(std::size_t opening) const {
        std::size_t i = opening - 1;
        if (tokens_[i].is("]") && tokens_[opening].is("(")) {
            while (i > 0 && !tokens_[i].is("[")) {
                --i;
            }
            return i > 1 && tokens_[i - 1].is("=") ? tokens_[i - 2].text : "";
        }
        return is_word(tokens_[i]) ? tokens_[i].text : "";
    }

    void find_functions() {
        for (const auto& group : groups_) {
            for (std::size_t i = 0; i < group.arguments.size(); ++i) {
                const auto [begin, end] = group.arguments[i];
                auto name = begin;
                while (name < end && !tokens_[name].is("advice")) {
                    ++name;
                }
                const bool declares = name < end && name > begin && is_word(tokens_[name - 1]);
                if (!group.name.empty() && declares &&
                    (name + 1 == end || tokens_[name + 1].is("="))) {
                    functions_[group.name] = i;
                }
            }
        }
    }

    bool is_code(Group::Range argument) const {
        int depth = 0;
        for (auto i = argument.first; i < argument.second; ++i) {
            depth += is_opening(tokens_[i]) ? 1 : is_closing(tokens_[i]) ? -1 : 0;
            if (depth == 0 && is_word(tokens_[i]) && codes().contains(tokens_[i].text)) {
                return true;
            }
        }
        return false;
    }

    void add_behind_code(const Group& group) {
        const auto code =
            std::ranges::find_if(group.arguments, [&](auto argument) { return is_code(argument); });
        for (auto i = code; i != group.arguments.end(); ++i) {
            if (i - code >= 2) {
                add(*i);
            }
        }
    }

    void add_of_names() {
        for (std::size_t i = 0; i + 3 < tokens_.size(); ++i) {
            if (!is_word(tokens_[i]) || !tokens_[i].text.contains("dvice")) {
                continue;
            }
            std::size_t next = i + 1;
            next += tokens_[next].is("[") && tokens_[next + 1].is("]") ? 2U : 0U;
            next += tokens_[next].is("+") ? 1U : 0U;
            if (tokens_[next].is("=")) {
                add({next, end_of_statement(next)});
            } else if (tokens_[next].is("(")) {
                const auto body = closing(next) + 1;
                if (body < tokens_.size() && tokens_[body].is("{")) {
                    add({body, closing(body)});
                }
            }
        }
    }

    std::size_t closing(std::size_t opening) const {
        int depth = 0;
        for (auto i = opening; i < tokens_.size(); ++i) {
            depth += is_opening(tokens_[i]) ? 1 : is_closing(tokens_[i]) ? -1 : 0;
            if (depth == 0) {
                return i;
            }
        }
        return tokens_.size();
    }
    std::size_t end_of_statement(std::size_t i) const {
        while (i < tokens_.size() && !tokens_[i].is(";") && !is_closing(tokens_[i])) {
            i = is_opening(tokens_[i]) ? closing(i) + 1 : i + 1;
        }
        return i;
    }

    // A single word is a part of an advice, that is not told without the rest.
    void add(Group::Range range) {
        for (auto i = range.first; i < std::min(range.second, tokens_.size()); ++i) {
            if (tokens_[i].kind == Token::Kind::kLiteral && tokens_[i].text.contains(' ')) {
                texts_.insert(tokens_[i].text);
            } else if (is_word(tokens_[i]) && tokens_[i].text.starts_with('k')) {
                add_constant(tokens_[i].text);
            }
        }
    }

    // kName = "…", or kName[] = "…".
    void add_constant(const std::string& name) {
        for (std::size_t i = 0; i + 4 < tokens_.size(); ++i) {
            const auto equals = i + (tokens_[i + 1].is("[") ? 3U : 1U);
            if (tokens_[i].is(name) && tokens_[equals].is("=") &&
                tokens_[equals + 1].kind == Token::Kind::kLiteral) {
                texts_.insert(tokens_[equals + 1].text);
            }
        }
    }

    Tokens tokens_;
    std::vector<Group> groups_;
    std::map<std::string, std::size_t> functions_;  // and which argument is the advice
    std::set<std::string> texts_;
};

std::set<std::string> read_advice_texts(const std::string& source) {
    return AdviceFinder(tokens_of(source)).texts();
}

// What stands between the places that the program fills in.
std::vector<std::string> fixed_parts(const std::string& advice) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= advice.size()) {
        const auto end = std::min(advice.find('{', begin), advice.size());
        parts.push_back(advice.substr(begin, end - begin));
        const auto closing = advice.find('}', end);
        begin = closing == std::string::npos ? advice.size() + 1 : closing + 1;
    }
    return parts;
}

bool has_row(const std::string& advice, const std::vector<std::string>& rows) {
    return std::ranges::any_of(rows, [parts = fixed_parts(advice)](const std::string& row) {
        std::size_t at = 0;
        return std::ranges::all_of(parts, [&](const std::string& part) {
            at = row.find(part, at);
            at += at == std::string::npos ? 0 : part.size();
            return at != std::string::npos;
        });
    });
}

// The literals of an argument or the like: of "a" + path("b") + "c" it is "abc".
std::vector<std::string> rows_in(const std::string& source) {
    std::vector<std::string> rows(1);
    for (const auto& token : tokens_of(source)) {
        if (token.kind == Token::Kind::kLiteral) {
            rows.back() += token.text;
        } else if (std::string_view(",;{}").contains(token.text.front())) {
            rows.emplace_back();
        }
    }
    return rows;
}

std::vector<fs::path> files_below(const std::string& folder, std::string_view ending) {
    std::vector<fs::path> files;
    for (const auto& entry :
         fs::recursive_directory_iterator(fs::path(ECRYPTFS_SOURCE_DIR) / folder)) {
        if (entry.path().string().ends_with(ending)) {
            files.push_back(entry.path());
        }
    }
    return files;
}

std::vector<fs::path> sources_below(const std::string& folder) {
    auto files = files_below(folder, ".cpp");
    for (const auto* ending : {".h", ".c"}) {
        std::ranges::move(files_below(folder, ending), std::back_inserter(files));
    }
    return files;
}

bool is_verb_advice(const fs::path& file) {
    return file.stem() == "verb_advice";
}

// "ecryptfsctl VERB", or a place where the program fills one in.
bool names_a_verb(std::string_view text) {
    return std::ranges::any_of(
               cli::verbs(),
               [&](const cli::Verb& verb) {
                   return text.contains(std::string("ecryptfsctl ") + verb.text.name);
               }) ||
           text.contains("ecryptfsctl {");
}

TEST(AdviceTable, HasRowForEachAdvice) {
    std::vector<std::string> rows;
    for (const auto& file : files_below("tests", "advice_test.cpp")) {
        std::ranges::move(rows_in(content_of(file)), std::back_inserter(rows));
    }
    std::size_t found = 0;
    std::set<std::string> excused;
    for (const auto* folder : {"lib", "agent", "pki-modules", "mount-helper", "cli"}) {
        for (const auto& file : sources_below(folder)) {
            if (file.string().ends_with("lib/base/error.cpp")) {
                continue;  // the table of all codes
            }
            for (const auto& advice : read_advice_texts(content_of(file))) {
                ++found;
                if (kExcused.contains(advice)) {
                    excused.insert(advice);
                } else {
                    EXPECT_TRUE(has_row(advice, rows)) << file << ": " << advice;
                }
            }
        }
    }
    EXPECT_GE(found, 150U) << "were the sources found?";
    for (const auto& [advice, reason] : kExcused) {
        EXPECT_TRUE(excused.contains(advice)) << "no source has this any more: " << advice;
        EXPECT_FALSE(has_row(advice, rows)) << "needs no excuse: " << advice;
    }
}

TEST(AdviceTable, VerbsOutsideCliAreInOnePlace) {
    std::size_t found = 0;
    for (const auto* folder : {"lib", "agent", "pki-modules", "mount-helper", "fuse"}) {
        for (const auto& file : sources_below(folder)) {
            for (const auto& text : literals_in(content_of(file))) {
                if (names_a_verb(text)) {
                    ++found;
                    EXPECT_TRUE(is_verb_advice(file)) << file << ": " << text;
                }
            }
        }
    }
    EXPECT_GE(found, 15U) << "were the sources found?";
    EXPECT_TRUE(names_a_verb("see: ecryptfsctl status"));
    EXPECT_TRUE(names_a_verb("ecryptfsctl {}"));
    EXPECT_FALSE(names_a_verb("so that ecryptfsctl cannot reach it"));
}

TEST(AdviceTable, AdviceIsFoundInSources) {
    EXPECT_EQ(read_advice_texts(R"(
        constexpr char kAdvice[] = "of a constant";
        constexpr std::string_view kWords = "of any constant"; int x = 16'384; // '"
        auto d = Error{ErrorCode::kBusy, "a message", kWords};
        Error no(std::string why, std::string advice = {}) {
            f("x y"); return {ErrorCode::kBusy, why, advice};
        }
        auto a = Error{base::ErrorCode::kBusy, fmt::format("a message {}", x), "of a {}, " "b"};
        auto b = no("a message, and", yes ? "of a helper" : "or another");
        auto c = system_error(code, "a message", errno, "of errno");
        error.advice += fmt::format("set to {}", "one-word");
        Finding{"a link", Health::kBroken, "a message", way(1, "of a finding")};
        std::string group_advice(int x) { return "of a function"; }
        const auto holds = [&](std::string_view what, std::string advice) { return 1; };
        holds("what it is", "of a lambda");
        f("none here"); error.message = "nor here";)"),
              (std::set<std::string>{"of a constant", "of any constant", "of a {}, b",
                                     "of a helper", "or another", "of errno", "set to {}",
                                     "of a finding", "of a function", "of a lambda"}));
}

TEST(AdviceTable, RowsMatchAdvice) {
    const std::vector<std::string> rows = {"try: unlock it: ecryptfsctl unlock 'a b'; or x"};
    EXPECT_TRUE(has_row("unlock it: ecryptfsctl unlock {}; or", rows));
    EXPECT_FALSE(has_row("unlock it: ecryptfsctl lock {}", rows));
    EXPECT_FALSE(has_row("ecryptfsctl unlock it", rows));
    EXPECT_EQ(rows_in("f(x, \"a \" + path(\"b\") + \" c\", \"d\");"),
              (std::vector<std::string>{"", "a b c", "d", ""}));
}

}  // namespace
}  // namespace ecryptfs::test
