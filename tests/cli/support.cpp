// SPDX-License-Identifier: Apache-2.0

#include "tests/cli/support.h"

#include <fstream>
#include <iterator>

namespace ecryptfs::test {

wire::KeySignature signature(std::string_view text) {
    return base::value_or_throw(wire::KeySignature::from_text(text));
}

nlohmann::ordered_json documented_json(const std::string& verb) {
    const std::string text = content_of(ECRYPTFS_JSON_DOC);
    const auto section = text.find("\n## " + verb + "\n");
    const auto start = text.find("```json\n", section) + 8;
    return nlohmann::ordered_json::parse(text.substr(start, text.find("```", start) - start));
}

std::string vector_path(std::string_view name) {
    return std::string(ECRYPTFS_VECTORS "/") + std::string(name);
}

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ecryptfs::test
