// SPDX-License-Identifier: Apache-2.0
//
// Passphrases and PINs from files and terminals, straight into locked memory.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

struct FileSecret {
    base::SecretBytes secret;      // may be empty
    bool others_can_read = false;  // the file's mode lets its group or everyone
};

// The first line of an open file, without its line end (\n or \r\n); the rest is not used.
// kInvalidArgument for more than base::kMaxSecretSize bytes.
base::Result<FileSecret> read_secret_line(int fd, std::string_view name);

// The same of the file at `path`.
base::Result<FileSecret> read_secret_file(const std::string& path);

// Asks on a terminal, echo off, and gives the line that was typed. The terminal is as before
// afterwards, also when a signal ends or stops (^Z) the program meanwhile; resumed, it asks again.
// kCancelled for ^C and for ^D on an empty line, kSecretRequired for an empty line. Other fatal
// signals end the process. Single-threaded programs only.
base::Result<base::SecretBytes> prompt_for_secret(int terminal, std::string_view prompt);

}  // namespace ecryptfs::cli
