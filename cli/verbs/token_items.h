// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/pki/host_process.h"
#include "lib/pki/host_protocol.h"

namespace ecryptfs::cli {

// A token or a key, as the module that knows it describes it.
struct TokenItem {
    std::string module;
    std::string uri;
    std::string label;
    std::vector<std::pair<std::string, std::string>> properties;
};

// Lists the items of all installed modules. A module that fails is left out, with a warning. An
// error only if all fail.
base::Result<std::vector<TokenItem>> list_items(const pki::HostPaths& paths, pki::ItemKind kind);

// A block for each token or key: module and label, the URI, the properties.
std::string items_text(const std::vector<TokenItem>& items);

// `name` is that of the one member: "tokens" or "keys".
std::string item_list_json(const std::string& name, const std::vector<TokenItem>& items);

}  // namespace ecryptfs::cli
