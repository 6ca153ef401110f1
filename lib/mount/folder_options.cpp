// SPDX-License-Identifier: Apache-2.0

#include "lib/mount/folder_options.h"

#include <array>

namespace ecryptfs::mount {
namespace {

constexpr auto kFlags = std::to_array<FlagOption>({
    {"ecryptfs_xattr_metadata", &FolderOptions::xattr},
    {"ecryptfs_passthrough", &FolderOptions::passthrough},
    {"ecryptfs_encrypted_view", &FolderOptions::encrypted_view},
    {"ecryptfs_unlink_sigs", &FolderOptions::unlink_keys},
});

}  // namespace

std::span<const FlagOption> flag_options() {
    return kFlags;
}

std::vector<KernelOption> kernel_option_list(const FolderOptions& options) {
    std::vector<KernelOption> list;
    for (const auto& key : options.keys) {
        list.push_back({"ecryptfs_sig", std::string(key.text())});
    }
    for (const auto& key : options.name_keys) {
        list.push_back({"ecryptfs_fnek_sig", std::string(key.text())});
    }
    list.push_back({"ecryptfs_cipher", options.cipher});
    list.push_back({"ecryptfs_key_bytes", std::to_string(options.key_bytes)});
    for (const auto& flag : kFlags) {
        if (options.*flag.member) {
            list.push_back({std::string(flag.name), ""});
        }
    }
    return list;
}

}  // namespace ecryptfs::mount
