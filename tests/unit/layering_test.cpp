// SPDX-License-Identifier: Apache-2.0
//
// Reads every #include of the project against the tables of docs/architecture.md: a folder is a
// layer, and includes only what its row and its parents' rows allow.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// By folder, or file: the folders that it may include. "lib/wire", without a slash at the end.
using Layers = std::map<std::string, std::set<std::string>, std::less<>>;

std::string trimmed(std::string_view text) {
    constexpr std::string_view kMarks = " `";
    const auto first = std::min(text.find_first_not_of(kMarks), text.size());
    text.remove_prefix(first);
    std::string name(text.substr(0, text.find_last_not_of(kMarks) + 1));
    if (name.ends_with('/')) {
        name.pop_back();
    }
    return name;
}

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);) {
        parts.push_back(part);
    }
    return parts;
}

// "pki (not the loading), `agent/keys/`" as lib/pki and agent/keys.
std::set<std::string> folders_in(std::string cell) {
    for (auto open = cell.find('('); open != std::string::npos; open = cell.find('(')) {
        cell.erase(open, cell.find(')', open) - open + 1);
    }
    std::set<std::string> folders;
    for (const auto& part : split(cell, ',')) {
        const auto name = trimmed(part);
        if (!name.empty() && name != "–") {
            folders.insert(name.contains('/') ? name : "lib/" + name);
        }
    }
    return folders;
}

// The rows of all tables in a text, whose last column says what the first may include. Rows without
// such a folder, as a heading, are no layers.
Layers parse_layers(const std::string& text) {
    Layers layers;
    for (const auto& line : split(text, '\n')) {
        const auto cells = split(line, '|');
        if (line.starts_with("| `") && cells.size() >= 3 && trimmed(cells.back()) != "anything") {
            layers[trimmed(cells[1])] = folders_in(cells.back());
        }
    }
    return layers;
}

std::string folders_section() {
    std::ifstream file(fs::path(ECRYPTFS_SOURCE_DIR) / "docs/architecture.md");
    std::stringstream text;
    text << file.rdbuf();
    const auto start = text.str().find("\n## Folders");
    return start == std::string::npos
               ? ""
               : text.str().substr(start, text.str().find("\n## ", start + 1) - start);
}

const Layers& layers() {
    static const Layers table = parse_layers(folders_section());
    return table;
}

bool is_within(std::string_view path, std::string_view folder) {
    return path == folder || (path.starts_with(folder) && path[folder.size()] == '/');
}

// The row of the innermost folder that holds `path`; empty if there is none.
std::string layer_of(std::string_view path) {
    std::string innermost;
    for (const auto& [folder, may_include] : layers()) {
        if (is_within(path, folder) && folder.size() > innermost.size()) {
            innermost = folder;
        }
    }
    return innermost;
}

// By its own row, or by one of a folder around it.
bool may_include(std::string_view layer, const std::string& other) {
    return layer == other || std::ranges::any_of(layers(), [&](const auto& row) {
               return is_within(layer, row.first) && row.second.contains(other);
           });
}

// All that a folder may include, and what that may include in turn.
std::set<std::string> reachable(const Layers& rows, const std::string& from) {
    std::set<std::string> seen;
    std::vector<std::string> open = {from};
    while (!open.empty()) {
        const auto layer = std::move(open.back());
        open.pop_back();
        for (const auto& [folder, may_include] : rows) {
            if (is_within(layer, folder)) {
                std::ranges::copy_if(may_include, std::back_inserter(open),
                                     [&](const auto& other) { return seen.insert(other).second; });
            }
        }
    }
    return seen;
}

// The folders that may include others which may include them.
std::vector<std::string> folders_in_cycles(const Layers& rows) {
    std::vector<std::string> found;
    for (const auto& [folder, may_include] : rows) {
        if (reachable(rows, folder).contains(folder)) {
            found.push_back(folder);
        }
    }
    return found;
}

// Why the file `from` may not include "`included`"; empty if it may.
std::string objection(std::string_view from, std::string_view included) {
    const auto layer = layer_of(from);
    if (layer.empty()) {
        return "is in no layer of the table";
    }
    // The public header stands in an include folder of its own, as it does where it is installed.
    const std::string path =
        (included == "ecryptfs_pki_module.h" ? "pki-modules/abi/" : "") + std::string(included);
    const auto other = layer_of(path);
    if (other.empty()) {
        return "includes \"" + path + "\", which is in no layer of the table";
    }
    return may_include(layer, other) ? ""
                                     : "includes \"" + path + "\", which " + layer + " may not";
}

bool is_foreign(std::string_view header) {
    constexpr auto kForeign = std::to_array<std::string_view>(
        {"systemd/", "openssl/", "tss2/", "p11-kit/", "keyutils.h", "seccomp.h"});
    return std::ranges::any_of(kForeign,
                               [&](std::string_view name) { return header.starts_with(name); });
}

struct Include {
    std::string file;  // from the project's root
    std::size_t line = 0;
    bool quoted = false;
    std::string header;
};

std::optional<Include> include_on(const std::string& line) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] != '#') {
        return std::nullopt;
    }
    const auto word = line.find_first_not_of(" \t", first + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) {
        return std::nullopt;
    }
    const auto open = line.find_first_of("\"<", word);
    const auto close = open == std::string::npos ? open : line.find_first_of("\">", open + 1);
    if (close == std::string::npos) {
        return std::nullopt;
    }
    return Include{{}, 0, line[open] == '"', line.substr(open + 1, close - open - 1)};
}

std::vector<Include> includes_of(const fs::path& root, const fs::path& file) {
    std::vector<Include> found;
    std::ifstream lines(file);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (auto include = include_on(line)) {
            include->file = file.lexically_relative(root).string();
            include->line = number;
            found.push_back(std::move(*include));
        }
    }
    return found;
}

bool is_source(const fs::path& path) {
    return path.extension() == ".h" || path.extension() == ".cpp" || path.extension() == ".c";
}

std::vector<Include> all_includes() {
    const fs::path root = ECRYPTFS_SOURCE_DIR;
    std::vector<Include> found;
    for (const auto* folder : {"lib", "agent", "pki-modules", "mount-helper", "fuse", "cli"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (entry.is_regular_file() && is_source(entry.path())) {
                std::ranges::move(includes_of(root, entry.path()), std::back_inserter(found));
            }
        }
    }
    return found;
}

TEST(Layering, IncludesKeepToTheTable) {
    std::size_t checked = 0;
    for (const auto& include : all_includes()) {
        if (include.quoted) {
            ++checked;
            const auto problem = objection(include.file, include.header);
            EXPECT_EQ(problem, "") << include.file << ":" << include.line;
        }
    }
    EXPECT_GT(checked, 30U) << "were the sources found?";
}

// But for those that only name the handles of a library, for the sources of one folder.
TEST(Layering, OurHeadersIncludeNoForeignOnes) {
    for (const auto& include : all_includes()) {
        const bool names_handles = include.file.starts_with("pki-modules/common/") ||
                                   include.file == "lib/folderkey/openssl_objects.h";
        const bool ours = include.file.ends_with(".h") && !names_handles;
        EXPECT_FALSE(ours && is_foreign(include.header))
            << include.file << ":" << include.line << " includes <" << include.header << ">";
    }
}

TEST(Layering, ForbiddenIncludeIsFound) {
    EXPECT_EQ(objection("agent/requests/device.cpp", "lib/wire/device_frame.h"), "");
    EXPECT_EQ(objection("agent/bus/service.cpp", "agent/requests/device.h"), "");
    EXPECT_EQ(objection("lib/pki/module.cpp", "ecryptfs_pki_module.h"), "");
    EXPECT_NE(objection("lib/base/hex.cpp", "lib/wire/device_frame.h"), "");
    EXPECT_NE(objection("lib/wire/auth_token.cpp", "lib/dbus/names.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "cli/agent/bus_values.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "lib/lower/header.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "pki-modules/host/server.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "ecryptfs_pki_module.h"), "");
    EXPECT_NE(objection("agent/runtime/log.cpp", "agent/requests/device.h"), "");
    EXPECT_NE(objection("cli/main.cpp", "agent/requests/device.h"), "");
    EXPECT_NE(objection("mount-helper/main.cpp", "lib/keyring/keyrings.h"), "");
    EXPECT_NE(objection("pki-modules/openssl/module.cpp", "pki-modules/tpm2/module.h"), "");
    EXPECT_NE(objection("lib/base/hex.cpp", "hex.h"), "");
    EXPECT_NE(objection("elsewhere/a.cpp", "lib/base/hex.h"), "");
}

TEST(Layering, TableNamesExistingFolders) {
    EXPECT_GT(layers().size(), 15U) << "was the table found?";
    for (const auto& [folder, may_include] : layers()) {
        EXPECT_TRUE(fs::exists(fs::path(ECRYPTFS_SOURCE_DIR) / folder)) << folder;
        for (const auto& other : may_include) {
            EXPECT_TRUE(layers().contains(other)) << folder << " may include " << other;
        }
    }
}

TEST(Layering, HasNoCycle) {
    EXPECT_THAT(folders_in_cycles(layers()), IsEmpty());
}

TEST(Layering, FoldersOfCycleAreFound) {
    EXPECT_THAT(folders_in_cycles({{"lib/base", {}},
                                   {"lib/wire", {"lib/base"}},
                                   {"lib/dbus", {"agent/keys"}},
                                   {"agent", {"lib/dbus", "lib/wire"}},
                                   {"agent/keys", {}},
                                   {"agent/bus", {"agent/keys"}},
                                   {"cli/ask", {"cli/files"}},
                                   {"cli/files", {"cli/ask"}}}),
                ElementsAre("agent/keys", "cli/ask", "cli/files", "lib/dbus"));
}

TEST(Layering, TableRowsAreRead) {
    EXPECT_THAT(parse_layers("| folder | what | may include |\n"
                             "|---|---|---|\n"
                             "| `lib/base/` | a, `b` | – |\n"
                             "| `cli/` | x | pki (not the loading, nor more), `cli/ask/` |\n"
                             "| `tests/` | | anything |\n"
                             "\n| `cli/main.cpp` | base |\n"),
                UnorderedElementsAre(Pair("lib/base", std::set<std::string>{}),
                                     Pair("cli", ElementsAre("cli/ask", "lib/pki")),
                                     Pair("cli/main.cpp", ElementsAre("lib/base"))));
}

TEST(Layering, EachFormOfIncludeIsRead) {
    const auto quoted = include_on("#include \"lib/base/hex.h\"").value_or(Include{});
    EXPECT_TRUE(quoted.quoted);
    EXPECT_EQ(quoted.header, "lib/base/hex.h");
    const auto angled =
        include_on("  #  include <systemd/sd-bus.h>  // a comment").value_or(Include{});
    EXPECT_FALSE(angled.quoted);
    EXPECT_TRUE(is_foreign(angled.header));
    EXPECT_FALSE(include_on("// #include \"lib/base/hex.h\""));
    EXPECT_FALSE(include_on("#define include"));
    EXPECT_FALSE(include_on(""));
}

}  // namespace
}  // namespace ecryptfs::test
