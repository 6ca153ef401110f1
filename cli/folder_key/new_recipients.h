// SPDX-License-Identifier: Apache-2.0
//
// Recipients that a folder key is given.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/folderkey/folder_key_file.h"
#include "lib/pki/host_process.h"

namespace ecryptfs::cli {

// What was asked for, in the order in which it is done.
struct RecipientRequest {
    std::vector<std::string> keys = {};               // as for add-key
    std::optional<std::string> key_secret_file = {};  // with their passphrase or PIN
    pki::HostPaths paths = {};
    bool passphrase = false;                              // ask for one
    std::optional<std::string> passphrase_file = {};      // or read it
    const char* passphrase_option = "--passphrase-file";  // names that file
    bool recovery = false;                                // show one
    std::optional<std::string> recovery_file = {};        // or write it to a new file

    bool wants_passphrase() const { return passphrase || passphrase_file; }
    bool wants_recovery() const { return recovery || recovery_file; }
    bool is_empty() const { return keys.empty() && !wants_passphrase() && !wants_recovery(); }
};

// Appends them to `file`, which is not written. Each has opened the content key once when this
// succeeds. Asks for secrets, and shows a recovery key.
base::Result<void> append_recipients(folderkey::FolderKeyFile& file, base::ByteView content_key,
                                     const RecipientRequest& request);

// Appends one. A passphrase or recovery key is given a kid that is free, whatever it had.
// kAlreadyExists for a private key that the file has.
base::Result<void> append_recipient(folderkey::FolderKeyFile& file, folderkey::Recipient recipient);

// A recipient of a passphrase, without a kid, that was opened once to see that it works. Takes some
// seconds.
base::Result<folderkey::Recipient> make_passphrase_recipient(base::ByteView content_key,
                                                             base::ByteView passphrase);

}  // namespace ecryptfs::cli
