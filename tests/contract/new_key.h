// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {

// What generate() is asked for.
struct NewKey {
    std::string where;
    std::uint32_t bits = 0;
    std::optional<std::string> secret = {};
    std::vector<std::pair<std::string, std::string>> options = {};
};

// The outcome's bytes are the locator.
Outcome generate(const ecryptfs_pki_module& module, const NewKey& key);
// Makes a key that can be made: throws otherwise. By its locator and secret it can be opened.
TestKey made(const ecryptfs_pki_module& module, const NewKey& key);

// An item that list() gave.
struct ListedItem {
    std::string uri;
    std::string label;
    std::vector<std::pair<std::string, std::string>> properties;

    // Empty if it has none of that name.
    std::string property(std::string_view name) const;
};

// Fails the test unless list() succeeds.
std::vector<ListedItem> listed(const ecryptfs_pki_module& module, ecryptfs_pki_item_kind kind);

}  // namespace ecryptfs::contract
