// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/listed_item.h"

namespace ecryptfs::module {

void report_item(const ListedItem& item, ecryptfs_pki_take_item take, void* context) {
    std::vector<ecryptfs_pki_property> properties;
    properties.reserve(item.properties.size());
    for (const auto& [name, value] : item.properties) {
        properties.push_back({name, value.c_str()});
    }
    const ecryptfs_pki_item given{item.uri.c_str(), item.label.c_str(), properties.data(),
                                  properties.size()};
    take(context, &given);
}

}  // namespace ecryptfs::module
