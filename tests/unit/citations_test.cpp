// SPDX-License-Identifier: Apache-2.0
//
// Reads every "docs/NAME.md section N" in the sources: the page must have that section.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

struct Citation {
    std::string page;
    std::string section;
};

std::string page_text(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// A comment may break the line within a citation.
std::vector<Citation> citations_in(const std::string& text) {
    static const std::regex form(R"((docs/[a-z0-9-]+\.md)[\s/,]+section[\s/]+([0-9]+))");
    std::vector<Citation> found;
    for (std::sregex_iterator match(text.begin(), text.end(), form), end; match != end; ++match) {
        found.push_back({(*match)[1], (*match)[2]});
    }
    return found;
}

bool has_section(const std::string& page, const std::string& section) {
    return page.find("\n## " + section + ". ") != std::string::npos;
}

bool may_cite(const fs::path& path) {
    return path.extension() == ".h" || path.extension() == ".cpp" || path.extension() == ".c";
}

TEST(Citations, CitedSectionsExist) {
    const fs::path root = ECRYPTFS_SOURCE_DIR;
    std::size_t checked = 0;
    for (const auto* folder : {"lib", "agent", "pki-modules", "cli", "tests"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
            if (!entry.is_regular_file() || !may_cite(entry.path())) {
                continue;
            }
            for (const auto& [page, section] : citations_in(page_text(entry.path()))) {
                ++checked;
                EXPECT_TRUE(has_section(page_text(root / page), section))
                    << entry.path() << " cites " << page << " section " << section;
            }
        }
    }
    EXPECT_GE(checked, 10U) << "were the sources found?";
}

TEST(Citations, CitationsMaySpanLines) {
    const auto found = citations_in(
        "// as docs/"
        "protocol.md\n// section 4 has it");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].section, "4");
    EXPECT_FALSE(has_section("# Title\n\n## 1. One\n", "4"));
}

}  // namespace
}  // namespace ecryptfs::test
