// SPDX-License-Identifier: Apache-2.0
//
// The words of all advice outside cli/ that names a verb or an option of ecryptfsctl, so that a new
// name for one changes this file and cli/ only.
//
// This is text, no hint that ecryptfsctl would put into words: the bus and the journal show it to
// other clients and to administrators, who have no ecryptfsctl that does so.

#pragma once

#include <string>
#include <string_view>

namespace ecryptfs::base {

// --- Keys ---

std::string unlock_key_advice(std::string_view signature);
std::string add_key_advice();
// For a key whose token has gone.
std::string add_key_again_advice();
// For a key whose token is of no use.
std::string replace_token_advice(std::string_view signature);
// For a place that holds another key than it did.
std::string changed_key_advice(std::string_view locator);
std::string add_passphrase_advice();
std::string list_keys_advice();
std::string key_quota_advice();
std::string session_keyring_advice();

// --- Where keys are ---

std::string key_uri_advice();
std::string list_tokens_command();
// `uri` names the new key.
std::string make_token_key_command(std::string_view uri);
std::string make_key_file_advice();
// For a key that can open folder keys only.
std::string folder_key_advice();
std::string pcr_bank_advice();
inline constexpr std::string_view kOpensslModuleAdvice =
    "use the module openssl for this file: --module openssl";
inline constexpr std::string_view kTpm2ModuleAdvice =
    "use the module tpm2 for this file: --module tpm2";

// An error's advice ends with this and the path as a word of a shell; ecryptfsctl then completes
// its own command line.
inline constexpr std::string_view kAllowLibraryAdvice = "if you trust it, add --allow-library ";
// For a path that is too long for an advice.
std::string allow_library_advice();

// --- The agent and the mount ---

std::string agent_status_advice();
std::string cipher_mount_advice();
// What --help of ecryptfs-fuse says of keys.
inline constexpr std::string_view kAddPassphraseCommand = "ecryptfsctl add-passphrase";

}  // namespace ecryptfs::base
