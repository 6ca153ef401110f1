// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/json.h"

#include <nlohmann/json.hpp>

#include "cli/output/json_text.h"

namespace ecryptfs::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson texts_of(std::span<const wire::KeySignature> signatures) {
    auto list = OrderedJson::array();
    for (const auto& signature : signatures) {
        list.push_back(signature.text());
    }
    return list;
}

std::string dumped(const OrderedJson& json) {
    return json_text(json) + "\n";
}

}  // namespace

std::string mounted_json(const MountPlan& plan, std::span<const std::string> warnings) {
    const auto options = plan.options();
    return dumped({{"lower", plan.folder.lower},
                   {"upper", plan.folder.upper},
                   {"keys", texts_of(options.keys)},
                   {"recovery", texts_of(plan.folder.recovery)},
                   {"name_keys", texts_of(options.name_keys)},
                   {"keys_from", plan.keys_from},
                   {"read_only", options.read_only},
                   {"options", kernel_options(options)},
                   {"warnings", OrderedJson(std::vector(warnings.begin(), warnings.end()))}});
}

std::string unmounted_json(const MountedFolder& mount,
                           std::span<const wire::KeySignature> unlinked) {
    return dumped(
        {{"lower", mount.lower}, {"upper", mount.upper}, {"unlinked", texts_of(unlinked)}});
}

}  // namespace ecryptfs::cli
