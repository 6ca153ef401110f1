// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/json.h"

#include <nlohmann/json.hpp>

#include "cli/output/json_text.h"

namespace ecryptfs::cli {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson signature_texts(std::span<const wire::KeySignature> signatures) {
    auto list = OrderedJson::array();
    for (const auto& signature : signatures) {
        list.push_back(signature.text());
    }
    return list;
}

}  // namespace

std::string mounted_json(const MountPlan& plan, std::span<const std::string> warnings) {
    const auto options = plan.options();
    return json_line({{"lower", plan.folder.lower},
                      {"upper", plan.folder.upper},
                      {"keys", signature_texts(options.keys)},
                      {"recovery", signature_texts(plan.folder.recovery)},
                      {"name_keys", signature_texts(options.name_keys)},
                      {"keys_from", plan.keys_source},
                      {"read_only", options.read_only},
                      {"options", kernel_options(options)},
                      {"kernel", plan.folder.way == MountWay::kKernel},
                      {"warnings", OrderedJson(std::vector(warnings.begin(), warnings.end()))}});
}

std::string unmounted_json(const MountedFolder& mount,
                           std::span<const wire::KeySignature> unlinked) {
    return json_line({{"lower", mount.lower},
                      {"upper", mount.upper},
                      {"unlinked", signature_texts(unlinked)},
                      {"kernel", mount.way == MountWay::kKernel}});
}

OrderedJson mount_json(const MountedFolder& mount) {
    return {{"lower", mount.lower},
            {"upper", mount.upper},
            {"keys", signature_texts(mount.options.keys)},
            {"name_keys", signature_texts(mount.options.name_keys)},
            {"cipher", mount.options.cipher},
            {"key_bytes", mount.options.key_bytes},
            {"read_only", mount.options.read_only},
            {"xattr", mount.options.xattr},
            {"passthrough", mount.options.passthrough},
            {"encrypted_view", mount.options.encrypted_view},
            {"unlink_keys", mount.options.unlink_keys},
            {"kernel", mount.way == MountWay::kKernel}};
}

}  // namespace ecryptfs::cli
