// SPDX-License-Identifier: Apache-2.0
//
// Reads every #include of the project against the table of docs/architecture.md: a folder is a
// layer, and includes what stands in its row only.

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

struct Layer {
    std::string_view folder;
    std::vector<std::string_view> may_include;
};

const std::vector<Layer>& layers() {
    static const std::vector<Layer> table = {
        {"lib/base", {}},
        {"lib/wire", {"lib/base"}},
        {"lib/keyring", {"lib/wire", "lib/base"}},
        {"lib/lower", {"lib/wire", "lib/base"}},
        {"lib/lowerfs", {"lib/lower", "lib/pki/client", "lib/pki", "lib/wire", "lib/base"}},
        {"lib/pki/client", {"lib/pki", "lib/wire", "lib/base"}},
        {"lib/pki", {"lib/base", "pki-modules/abi"}},
        {"lib/ipc", {"lib/base"}},
        {"lib/mount", {"lib/wire", "lib/base"}},
        {"agent", {"lib/keyring", "lib/wire", "lib/pki", "lib/ipc", "lib/base"}},
        {"pki-modules/abi", {}},
        {"pki-modules/common", {"pki-modules/abi", "lib/base"}},
        {"pki-modules/host", {"lib/pki", "lib/wire", "lib/base"}},
        {"pki-modules/openssl", {"pki-modules/abi", "pki-modules/common", "lib/base"}},
        {"pki-modules/pkcs11", {"pki-modules/abi", "pki-modules/common", "lib/base"}},
        {"pki-modules/tpm2", {"pki-modules/abi", "pki-modules/common", "lib/base"}},
        {"mount-helper", {"lib/mount", "lib/base"}},
        {"cli",
         {"lib/ipc", "lib/keyring", "lib/lowerfs", "lib/lower", "lib/mount", "lib/pki/client",
          "lib/pki", "lib/wire", "lib/base"}},
    };
    return table;
}

// The layer whose folder holds `path`; a folder in a layer's may be another, and comes first.
const Layer* layer_of(std::string_view path) {
    const auto layer = std::ranges::find_if(layers(), [&](const Layer& candidate) {
        return path.starts_with(std::string(candidate.folder) + "/");
    });
    return layer == layers().end() ? nullptr : &*layer;
}

// Why the file `from` may not include "`included`"; empty if it may.
std::string objection(std::string_view from, std::string_view included) {
    const Layer* layer = layer_of(from);
    if (layer == nullptr) {
        return "is in no layer of the table";
    }
    // The public header stands in an include folder of its own, as it does where it is installed.
    const std::string path =
        (included == "ecryptfs_pki_module.h" ? "pki-modules/abi/" : "") + std::string(included);
    const Layer* other = layer_of(path);
    if (other == nullptr) {
        return "includes \"" + path + "\", which is in no layer of the table";
    }
    if (other != layer &&
        std::ranges::find(layer->may_include, other->folder) == layer->may_include.end()) {
        return "includes \"" + path + "\", which " + std::string(layer->folder) + " may not";
    }
    return {};
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
    for (const auto* folder : {"lib", "agent", "pki-modules", "mount-helper", "cli"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (entry.is_regular_file() && is_source(entry.path())) {
                std::ranges::move(includes_of(root, entry.path()), std::back_inserter(found));
            }
        }
    }
    return found;
}

TEST(Layering, HasNoIncludeThatIsNotInTheTable) {
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

TEST(Layering, KeepsForeignHeadersOutOfOurHeaders) {
    for (const auto& include : all_includes()) {
        const bool ours =
            include.file.ends_with(".h") && !include.file.starts_with("pki-modules/common/");
        EXPECT_FALSE(ours && is_foreign(include.header))
            << include.file << ":" << include.line << " includes <" << include.header << ">";
    }
}

TEST(Layering, WouldSeeAnIncludeThatIsNotInTheTable) {
    EXPECT_EQ(objection("agent/requests/device.cpp", "lib/wire/device_frame.h"), "");
    EXPECT_EQ(objection("agent/bus/service.cpp", "agent/requests/device.h"), "");
    EXPECT_EQ(objection("lib/pki/module.cpp", "ecryptfs_pki_module.h"), "");
    EXPECT_NE(objection("lib/base/hex.cpp", "lib/wire/device_frame.h"), "");
    EXPECT_NE(objection("lib/wire/auth_token.cpp", "lib/ipc/names.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "cli/agent/bus_values.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "lib/lower/header.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "pki-modules/host/server.h"), "");
    EXPECT_NE(objection("agent/requests/device.cpp", "ecryptfs_pki_module.h"), "");
    EXPECT_NE(objection("cli/main.cpp", "agent/requests/device.h"), "");
    EXPECT_NE(objection("mount-helper/main.cpp", "lib/keyring/keyrings.h"), "");
    EXPECT_NE(objection("pki-modules/openssl/module.cpp", "pki-modules/tpm2/module.h"), "");
    EXPECT_NE(objection("lib/base/hex.cpp", "hex.h"), "");
    EXPECT_NE(objection("elsewhere/a.cpp", "lib/base/hex.h"), "");
}

TEST(Layering, ReadsIncludesInEachForm) {
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
