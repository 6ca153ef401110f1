// SPDX-License-Identifier: Apache-2.0

#include "lib/mount/folder_options.h"

#include <algorithm>
#include <array>

namespace ecryptfs::mount {
namespace {

struct CipherSizes {
    std::string_view name;
    std::vector<unsigned> key_bytes;
};

// What ecryptfs_parse_options() hands to the kernel's ciphers of these names.
const std::vector<CipherSizes>& known_ciphers() {
    static const std::vector<CipherSizes> ciphers = {
        {"aes", {16, 24, 32}},     {"blowfish", {16, 24, 32, 56}}, {"des3_ede", {24}},
        {"twofish", {16, 24, 32}}, {"cast6", {16, 24, 32}},        {"cast5", {16}},
    };
    return ciphers;
}

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

std::vector<unsigned> key_sizes_of(std::string_view cipher) {
    const auto known = std::ranges::find(known_ciphers(), cipher, &CipherSizes::name);
    return known == known_ciphers().end() ? std::vector<unsigned>{} : known->key_bytes;
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
