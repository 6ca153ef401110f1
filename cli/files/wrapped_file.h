// SPDX-License-Identifier: Apache-2.0
//
// Wrapped-passphrase files: a mount passphrase, encrypted under another passphrase.

#pragma once

#include <optional>
#include <string>

#include "cli/ask/secret_source.h"
#include "cli/files/whole_file.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/passphrase.h"
#include "lib/lower/wrapped_passphrase.h"

namespace ecryptfs::cli {

// Reads a wrapped-passphrase file, or a pipe with one. kNotFound, kAccessDenied, kMalformed.
base::Result<lower::WrappedPassphrase> read_wrapped_file(const std::string& path);

// Reads one that nobody has named: a regular file only, so that no pipe is waited for.
base::Result<lower::WrappedPassphrase> read_found_wrapped_file(const std::string& path);

// The mount passphrase in the file at `path`. `wrapping` says how the passphrase that opens it is
// found.
base::Result<base::SecretBytes> read_and_unwrap(const std::string& path,
                                                const PassphraseInput& wrapping);

// Gives the version of the file that was written.
base::Result<int> write_wrapped_file(const std::string& path, const base::SecretBytes& passphrase,
                                     const base::SecretBytes& wrapping, base::IfThere if_there);

// What --salt gave, 16 hexadecimal digits, or the default. kInvalidArgument.
base::Result<lower::Salt> parse_salt(const std::optional<std::string>& text);

// What --json prints about a file that was written (docs/json.md).
std::string wrapped_file_json(const std::string& path, int version);

}  // namespace ecryptfs::cli
