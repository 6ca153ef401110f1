// SPDX-License-Identifier: Apache-2.0
//
// Passphrases and PINs from files and terminals, straight into locked memory.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

struct FileSecret {
    base::SecretBytes secret;             // may be empty
    std::optional<std::string> exposure;  // to whom else the file is open, and what to do
    std::string path;                     // empty: not read from a regular file by its name
    bool has_more_lines = false;          // that file has
};

// The first line of an open file, without its line end (\n or \r\n); the rest is not used.
// kInvalidArgument for more than base::kMaxSecretSize bytes.
base::Result<FileSecret> read_secret_line(int fd, std::string_view name);

// The same of the file at `path`.
base::Result<FileSecret> read_secret_file(const std::string& path);

enum class SecretKind { kPassphrase, kPin };

// Refuses what nobody can mean (lib/base/secret_slip.h) and warns of what hardly anybody does; of a
// PIN refuses that as well, since a token takes a few wrong ones only. kInvalidArgument.
base::Result<void> check_meant(const FileSecret& read, std::string_view name, SecretKind kind);

// Asks on a terminal, echo off, and gives the line that was typed. The terminal is as before
// afterwards, also when a signal ends or stops (^Z) the program meanwhile; resumed, it asks again.
// kCancelled for ^C and for ^D on an empty line, kSecretRequired for an empty line. Other fatal
// signals end the process. Single-threaded programs only.
base::Result<base::SecretBytes> prompt_for_secret(int terminal, std::string_view prompt);

}  // namespace ecryptfs::cli
