// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/new_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

namespace ecryptfs::contract {
namespace {

void take_item(void* context, const ecryptfs_pki_item* item) {
    ListedItem taken{item->uri, item->label, {}};
    for (const auto& property : std::span(item->properties, item->property_count)) {
        taken.properties.emplace_back(property.name, property.value);
    }
    static_cast<std::vector<ListedItem>*>(context)->push_back(std::move(taken));
}

}  // namespace

Outcome generate(const ecryptfs_pki_module& module, const NewKey& key) {
    std::vector<ecryptfs_pki_property> options;
    for (const auto& [name, value] : key.options) {
        options.push_back({name.c_str(), value.c_str()});
    }
    ecryptfs_pki_secret secret = {};
    if (key.secret) {
        const auto bytes = base::as_bytes(*key.secret);
        secret = {bytes.data(), bytes.size()};
    }
    const ecryptfs_pki_new_key wanted{key.where.c_str(), key.bits, options.data(), options.size(),
                                      key.secret ? &secret : nullptr};
    std::array<char, ECRYPTFS_PKI_MAX_LOCATOR> locator{};
    ecryptfs_pki_error error = {};
    const auto status = module.generate(&wanted, locator.data(), &error);
    const auto text = base::as_bytes(locator.data());
    if (status != ECRYPTFS_PKI_OK) {
        EXPECT_STRNE(error.message, "");
    }
    return {status, error.message, error.advice, {text.begin(), text.end()}};
}

TestKey made(const ecryptfs_pki_module& module, const NewKey& key) {
    const Outcome outcome = generate(module, key);
    if (outcome.status != ECRYPTFS_PKI_OK) {
        throw std::runtime_error(key.where + ": " + outcome.message);
    }
    return {{outcome.bytes.begin(), outcome.bytes.end()}, key.secret};
}

std::string ListedItem::property(std::string_view name) const {
    const auto found =
        std::ranges::find(properties, name, &std::pair<std::string, std::string>::first);
    return found == properties.end() ? "" : found->second;
}

std::vector<ListedItem> listed(const ecryptfs_pki_module& module, ecryptfs_pki_item_kind kind) {
    std::vector<ListedItem> items;
    ecryptfs_pki_error error = {};
    EXPECT_EQ(module.list(kind, take_item, &items, &error), ECRYPTFS_PKI_OK) << error.message;
    return items;
}

}  // namespace ecryptfs::contract
