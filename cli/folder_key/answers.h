// SPDX-License-Identifier: Apache-2.0
//
// The secrets that open a folder key: from files that options name, or by asking.

#pragma once

#include <optional>
#include <string>

#include "cli/folder_key/opening.h"

namespace ecryptfs::cli {

inline constexpr char kNewFolderPassphrase[] = "Passphrase for the folder key: ";

// Files with a secret on the first line, "-" for standard input; without one, asks.
struct AnswerFiles {
    std::optional<std::string> passphrase = {};  // --passphrase-file
    std::optional<std::string> key_secret = {};  // --key-passphrase-file
};

// Reads a private key's secret from the file, or asks. Empty if nobody can be asked.
AskKeySecret ask_key_secret(const std::optional<std::string>& file);

// `path` is the folder key's file, for the questions.
SecretAnswers make_answers(const AnswerFiles& files, const std::string& path);

}  // namespace ecryptfs::cli
