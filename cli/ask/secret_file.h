// SPDX-License-Identifier: Apache-2.0
//
// Passphrases and PINs from files, straight into locked memory.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

struct FileSecret {
    base::SecretBytes secret;             // may be empty
    std::optional<std::string> exposure;  // who else can read the file, and what to do about it
    std::string path;                     // empty: not read from a regular file by its name
    bool has_more_lines = false;          // of that file
};

// The first line of an open file, without its line end (\n or \r\n); the rest is not used.
// kInvalidArgument for more than base::kMaxSecretSize bytes.
base::Result<FileSecret> read_secret_line(int fd, std::string_view name);

// The same of the file at `path`.
base::Result<FileSecret> read_secret_file(const std::string& path);

enum class SecretKind { kPassphrase, kPin };

// Refuses what nobody can mean (lib/base/secret_slip.h), and warns about what hardly anybody means.
// For a PIN that is refused as well, since a token takes only a few wrong PINs. kInvalidArgument.
base::Result<void> check_secret_form(const FileSecret& read, std::string_view name,
                                     SecretKind kind);

}  // namespace ecryptfs::cli
