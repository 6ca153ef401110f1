// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/token_items.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/pki/client/module_host.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;
using Json = nlohmann::ordered_json;

TokenItem copy_item(const std::string& module, const pki::Item& item) {
    TokenItem copy{module, std::string(item.uri), std::string(item.label), {}};
    for (const auto& [name, value] : item.properties) {
        copy.properties.emplace_back(name, value);
    }
    return copy;
}

Result<void> add_items(const std::string& module, const pki::HostPaths& paths, pki::ItemKind kind,
                       std::vector<TokenItem>& items) {
    auto host = TRY(pki::ModuleHost::start(paths, module));
    return host.list(kind,
                     [&](const pki::Item& item) { items.push_back(copy_item(module, item)); });
}

}  // namespace

Result<std::vector<TokenItem>> list_items(const pki::HostPaths& paths, pki::ItemKind kind) {
    const auto modules = TRY(pki::installed_modules(paths));
    std::vector<TokenItem> items;
    std::optional<base::Error> failure;
    bool any_listed = false;
    for (const auto& module : modules) {
        const auto listed = add_items(module, paths, kind, items);
        any_listed |= listed.has_value();
        if (!listed && listed.error().code != ErrorCode::kNotSupported) {
            failure = listed.error();
            warn(fmt::format("module {}: {}", module, failure->message));
        }
    }
    if (failure && !any_listed) {
        return std::unexpected(std::move(*failure));
    }
    return items;
}

std::string items_text(const std::vector<TokenItem>& items) {
    std::string text;
    for (const auto& item : items) {
        text += fmt::format("{}{}: {}\n  {}\n", text.empty() ? "" : "\n", printable(item.module),
                            printable(item.label), printable(item.uri));
        for (const auto& [name, value] : item.properties) {
            text += fmt::format("  {:<20}  {}\n", printable(name), printable(value));
        }
    }
    return text;
}

std::string item_list_json(const std::string& name, const std::vector<TokenItem>& items) {
    Json list = Json::array();
    for (const auto& item : items) {
        Json properties = Json::object();
        for (const auto& [property, value] : item.properties) {
            properties[property] = value;
        }
        list.push_back({{"module", item.module},
                        {"uri", item.uri},
                        {"label", item.label.empty() ? Json(nullptr) : Json(item.label)},
                        {"properties", properties}});
    }
    return json_line({{name, list}});
}

}  // namespace ecryptfs::cli
