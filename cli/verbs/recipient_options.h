// SPDX-License-Identifier: Apache-2.0
//
// Options of the verbs for folder keys.

#pragma once

#include "cli/folder_key/new_recipients.h"
#include "cli/verbs/options.h"

namespace ecryptfs::cli {

// FILE, an argument.
void add_folder_key_file(CLI::App& parser, std::string& file);

// --passphrase-file, for verbs that open a folder key.
void add_opening_passphrase(CLI::App& parser, OptionalText& file);

// --key-passphrase-file, and where PKI modules are.
void add_key_options(CLI::App& parser, OptionalText& secret_file, pki::HostPaths& paths);

// Those that name new recipients. `flag` and `file_option` are of a passphrase.
void add_recipient_request(CLI::App& parser, RecipientRequest& request, const char* flag,
                           const char* file_option);

// kInvalidArgument if nothing was asked for.
base::Result<void> check_request(const RecipientRequest& request);

}  // namespace ecryptfs::cli
