// SPDX-License-Identifier: Apache-2.0
//
// Opens a folder key by the first of its recipients that is at hand.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/folder_key/hosted_key.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/folderkey/folder_key.h"
#include "lib/folderkey/folder_key_file.h"
#include "lib/pki/client/key_location.h"
#include "lib/pki/host_process.h"

namespace ecryptfs::cli {

// Who says the secrets on the way. Each is called once at most, but key_secret once for each key.
// One that is empty: nobody can be asked. kSecretRequired, as of an empty answer, passes on to the
// next way.
struct SecretAnswers {
    std::function<base::Result<base::SecretBytes>()> passphrase = {};  // or the recovery key
    AskKeySecret key_secret = {};
    bool is_passphrase_given = false;  // then no private key is tried before it
};

struct OpeningWays {
    pki::HostPaths paths;
    std::optional<std::string> kid = {};  // this recipient alone
    SecretAnswers answers = {};
};

struct OpenedFolderKey {
    folderkey::FolderKey key;
    base::SecretBytes content_key;
    std::string kid;  // of the recipient that opened it
};

// Tries in this order: private keys that need no secret, or a token's PIN; the passphrase, where
// there is one; key files with a passphrase of their own; the recovery key. One operation of one
// token or TPM, and for a key that is not the one that it was, none. kSecretRequired where nobody
// can be asked, kWrongSecret, kNotFound for a kid that the file does not have, and what went wrong
// with the first private key if nothing else is left.
base::Result<OpenedFolderKey> open_folder_key(const folderkey::FolderKeyFile& file,
                                              const OpeningWays& ways);

}  // namespace ecryptfs::cli
