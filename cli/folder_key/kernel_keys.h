// SPDX-License-Identifier: Apache-2.0
//
// An open folder key, where what mounts folders finds it: in the user keyring for the kernel, and
// with mounts in user space that have forgotten it.

#pragma once

#include <chrono>
#include <optional>

#include "lib/base/error.h"
#include "lib/folderkey/folder_key.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::cli {

// Salt and key, as they are handed to mounts.
inline constexpr std::size_t kHandedKeySize = 8 + 64;

// For mount(2); nobody can read it there (lib/keyring/hidden_token.h).
base::Result<void> load_into_kernel(const lower::PassphraseKey& key,
                                    std::optional<std::chrono::seconds> timeout);

// Has the agent give both keys to the mounts that use them. Starts the agent, which takes the keys
// out of the keyring when everything is locked.
base::Result<void> hand_to_mounts(const folderkey::FolderKey& key);

}  // namespace ecryptfs::cli
