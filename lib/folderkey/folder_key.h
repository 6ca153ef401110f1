// SPDX-License-Identifier: Apache-2.0
//
// The keys of a folder, and how they are in the content of a folder key file.

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/folderkey/folder_key_file.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::folderkey {

// What the kernel calls FEKEK, and the FNEK for names.
struct FolderKey {
    lower::PassphraseKey contents;
    lower::PassphraseKey names;
};

// Two random keys of 64 bytes, with the default salts.
base::Result<FolderKey> create_folder_key();

// The key for names that goes with an existing passphrase: its own, as ecryptfs-add-passphrase
// --fnek makes it, or the same as for contents, as mount.ecryptfs and some network storage has it.
enum class NamesFrom : std::uint8_t { kNameSalt, kContentsKey };

// The keys of an existing mount passphrase. As lower::derive_passphrase_key().
base::Result<FolderKey> import_passphrase(base::ByteView passphrase, const lower::Salt& salt,
                                          NamesFrom source);

// A new file without recipients, and the content key that each of them is given.
struct SealedFolderKey {
    FolderKeyFile file;
    base::SecretBytes content_key;
};
base::Result<SealedFolderKey> seal_folder_key(const FolderKey& key);

// kDecryptFailed if the content, or what the file says of it, was changed or is of another file.
base::Result<FolderKey> unseal_folder_key(const FolderKeyFile& file, base::ByteView content_key);

}  // namespace ecryptfs::folderkey
