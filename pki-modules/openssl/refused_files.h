// SPDX-License-Identifier: Apache-2.0
//
// Files that hold no RSA private key in PEM form: what they hold instead, and what to do. Pure.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/pem_blocks.h"

namespace ecryptfs::openssl_module {

// What a command in an advice calls the file, and the file that it writes: quoted for a shell.
// FILE and FILE.pem for a long path, which would leave no room for the command.
struct CommandWords {
    std::string from;
    std::string to;
};
CommandWords command_words(const std::string& path);

base::Error not_rsa(std::string_view type, const std::string& path);

// `blocks`: of the file, none of them a key that the module takes.
base::Error unusable_file(base::ByteView file, const std::vector<module::PemBlock>& blocks,
                          const std::string& path);

}  // namespace ecryptfs::openssl_module
