// SPDX-License-Identifier: Apache-2.0

#include "tests/support/documented_json.h"

#include "tests/support/files.h"

namespace ecryptfs::test {

nlohmann::ordered_json documented_json(const std::string& verb) {
    const std::string text = content_of(ECRYPTFS_JSON_DOC);
    const auto section = text.find("\n## " + verb + "\n");
    const auto start = text.find("```json\n", section) + 8;
    return nlohmann::ordered_json::parse(text.substr(start, text.find("```", start) - start));
}

}  // namespace ecryptfs::test
