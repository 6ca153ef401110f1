// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/introspection.h"

#include <fmt/format.h>

#include <regex>

namespace ecryptfs::test {
namespace {

constexpr char kEmitsChanged[] = "org.freedesktop.DBus.Property.EmitsChangedSignal";

// A start tag's attribute; "" if it has none of this name.
std::string attribute(const std::string& tag, const char* name) {
    std::smatch match;
    return std::regex_search(tag, match, std::regex(fmt::format("\\b{}=\"([^\"]*)\"", name)))
               ? match[1].str()
               : "";
}

struct Reader {
    std::map<std::string, std::set<std::string>> members;
    std::string interface;
    std::string member;  // as far as it was read

    void finish_member() {
        if (!member.empty()) {
            members[interface].insert(member);
            member.clear();
        }
    }

    void take(const std::string& name, const std::string& tag) {
        if (name == "interface") {
            finish_member();
            interface = attribute(tag, "name");
        } else if (name == "method" || name == "signal" || name == "property") {
            finish_member();
            member = fmt::format("{} {}", name, attribute(tag, "name"));
            if (name == "property") {
                member += fmt::format(" {} {}", attribute(tag, "type"), attribute(tag, "access"));
            }
        } else if (name == "arg") {
            const auto direction = attribute(tag, "direction");
            member += fmt::format(", {} {} {}", attribute(tag, "type"), attribute(tag, "name"),
                                  direction);
        } else if (name == "annotation" && attribute(tag, "name") == kEmitsChanged) {
            member += fmt::format(", changes: {}", attribute(tag, "value"));
        }
    }
};

}  // namespace

std::map<std::string, std::set<std::string>> members_by_interface(const std::string& xml) {
    // Not by regular expression, which recurses for each character of a long comment.
    std::string text = xml;
    for (auto start = text.find("<!--"); start != std::string::npos; start = text.find("<!--")) {
        text.erase(start, text.find("-->", start) + 3 - start);
    }
    Reader reader;
    const std::regex start_tag("<([a-z]+)([^>]*)>");
    for (auto tag = std::sregex_iterator(text.begin(), text.end(), start_tag);
         tag != std::sregex_iterator(); ++tag) {
        reader.take((*tag)[1], (*tag)[2]);
    }
    reader.finish_member();
    return reader.members;
}

}  // namespace ecryptfs::test
