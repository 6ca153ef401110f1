// SPDX-License-Identifier: Apache-2.0
//
// Says what a file holds that has no private key in PEM form that the module uses, and what to do.
// Pure.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/pem_blocks.h"

namespace ecryptfs::openssl_module {

// The names of the file, and of the file to write, in the command of an advice: quoted for a shell.
// FILE and FILE.pem if the path is so long that the command would not fit.
struct CommandWords {
    std::string from;
    std::string to;
};
CommandWords command_words(const std::string& path);

// A private key of a type, or of a curve, that the module does not use.
base::Error unusable_type(std::string_view type, const std::string& path);

// `blocks`: those of the file. None holds a key that the module can use.
base::Error unusable_file(base::ByteView file, const std::vector<module::PemBlock>& blocks,
                          const std::string& path);

}  // namespace ecryptfs::openssl_module
