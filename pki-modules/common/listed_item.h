// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ecryptfs_pki_module.h"

namespace ecryptfs::module {

// A token or a key, for list().
struct ListedItem {
    std::string uri;
    std::string label;
    std::vector<std::pair<const char*, std::string>> properties;  // names are string literals
};

void report_item(const ListedItem& item, ecryptfs_pki_take_item take, void* context);

}  // namespace ecryptfs::module
