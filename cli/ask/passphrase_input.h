// SPDX-License-Identifier: Apache-2.0
//
// Passphrases as the verbs ask for them: from a file, or else on the terminal.

#pragma once

#include <span>
#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/passphrase.h"
#include "lib/lower/wrapped_passphrase.h"

namespace ecryptfs::cli {

inline constexpr char kMountQuestion[] = "Mount passphrase: ";
inline constexpr char kWrappingQuestion[] = "Wrapping passphrase: ";

// The first line of `file`, of standard input for "-"; with an empty `file` what is typed at
// `question`. kSecretRequired, naming `option`, where there is nobody to ask; kInvalidArgument for
// an empty line.
base::Result<base::SecretBytes> passphrase_from(const std::string& file, std::string_view question,
                                                std::string_view option);

// The same of one that nothing can be checked against: typed twice. kInvalidArgument if the two are
// not the same.
base::Result<base::SecretBytes> new_passphrase_from(const std::string& file,
                                                    std::string_view question,
                                                    std::string_view option);

// Asks twice.
base::Result<base::SecretBytes> prompt_twice(std::string_view question);

// kInvalidArgument if "-" is more than one of these files: only its first line is read, and of a
// pipe the rest is gone then.
base::Result<void> standard_input_at_most_once(std::span<const std::string> files);

// What --salt gave: 16 hexadecimal digits, or nothing for the default. kInvalidArgument.
base::Result<lower::Salt> typed_salt(const std::string& text);

// Of a wrapped-passphrase file, or a pipe with one. kNotFound, kAccessDenied, kMalformed.
base::Result<lower::WrappedPassphrase> read_wrapped_file(const std::string& path);
// Of one that nobody has named: a regular file only, so that no pipe is waited for.
base::Result<lower::WrappedPassphrase> read_found_wrapped_file(const std::string& path);

// The mount passphrase in it; `wrapping_file` is as for passphrase_from().
base::Result<base::SecretBytes> unwrapped_passphrase(const lower::WrappedPassphrase& wrapped,
                                                     const std::string& wrapping_file);
// The same of the file at `path`.
base::Result<base::SecretBytes> unwrapped_passphrase(const std::string& path,
                                                     const std::string& wrapping_file);

}  // namespace ecryptfs::cli
