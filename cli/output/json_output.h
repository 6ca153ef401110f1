// SPDX-License-Identifier: Apache-2.0
//
// What --json prints: docs/json.md is the contract. As json_text.h has it, and one final newline.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/agent/state.h"
#include "cli/doctor/diagnosis.h"
#include "cli/key_location.h"
#include "cli/mount/mounted_folder.h"
#include "cli/output/token_items.h"
#include "lib/keyring/token_writer.h"

namespace ecryptfs::cli {

struct AddedKey {
    std::string signature;
    pki::KeyLocation location;
    keyring::TokenPlace place;
    keyring::KeySerial serial;
    std::vector<std::string> warnings;
};

struct AddedPassphrase {
    std::string signature;
    keyring::KeySerial serial;
    std::string fnek_signature;  // empty: no key for names was added
    keyring::KeySerial fnek_serial;
    keyring::TokenPlace place;
    std::vector<std::string> warnings;
};

std::string added_passphrase_json(const AddedPassphrase& added);
std::string wrapped_file_json(const std::string& file, int version);
std::string added_key_json(const AddedKey& added);
std::string made_key_json(const pki::KeyLocation& key);
// `name`: of the one member, "tokens" or "keys".
std::string item_list_json(const std::string& name, std::span<const TokenItem> items);
std::string key_list_json(std::span<const AgentKey> keys);
std::string removed_key_json(const std::string& signature,
                             std::span<const keyring::Keyring> keyrings);
std::string locked_keys_json(std::span<const std::string> signatures);
std::string unlocked_key_json(const std::string& signature);
std::string findings_json(std::span<const Finding> findings);
std::string status_json(const ManagerState& manager, const AgentObjects& objects,
                        std::span<const MountedFolder> mounts);

}  // namespace ecryptfs::cli
