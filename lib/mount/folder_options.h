// SPDX-License-Identifier: Apache-2.0
//
// The options of an eCryptfs mount. Pure.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/wire/key_signature.h"

namespace ecryptfs::mount {

// fs/ecryptfs/main.c: ecryptfs_parse_options
struct FolderOptions {
    std::vector<wire::KeySignature> keys = {};       // each of them opens every new file
    std::vector<wire::KeySignature> name_keys = {};  // at most one: the FNEK
    std::string cipher = "aes";
    unsigned key_bytes = 16;  // of new files
    bool xattr = false;
    bool passthrough = false;
    bool encrypted_view = false;
    bool read_only = false;
    bool unlink_keys = true;  // by who unmounts it: the kernel only keeps the mark
};

// An option without a value.
struct FlagOption {
    std::string_view name;
    bool FolderOptions::* member;
};
std::span<const FlagOption> flag_options();

struct KernelOption {
    std::string name;
    std::string value;  // empty for a flag
};

// What the kernel is given, in this order: without read_only, which is the mount's.
std::vector<KernelOption> kernel_option_list(const FolderOptions& options);

}  // namespace ecryptfs::mount
