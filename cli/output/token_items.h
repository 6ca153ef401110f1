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

// What all installed modules have to list. One that cannot is left out, with a warning; an error
// only if none can.
base::Result<std::vector<TokenItem>> list_items(const pki::HostPaths& paths, pki::ItemKind kind);

// A block a token or key: module and label, the URI, the properties.
std::string items_text(const std::vector<TokenItem>& items);

}  // namespace ecryptfs::cli
