// SPDX-License-Identifier: Apache-2.0
//
// The facts that inspect gathers about lower files.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/files/given_keys.h"
#include "lib/base/error.h"
#include "lib/keyring/keyrings.h"
#include "lib/lower/header.h"
#include "lib/lowerfs/tree_walk.h"
#include "lib/wire/cipher.h"

namespace ecryptfs::cli {

// Says where the keys of signatures are. Looks each up once. Borrows the keys.
class HeldKeys {
  public:
    explicit HeldKeys(GivenKeys& given) : given_(given) {}

    const std::vector<keyring::Keyring>& find_keyrings(const wire::KeySignature& signature);
    // Whether a given passphrase makes the key. The key counts as used then.
    bool is_given(const wire::KeySignature& signature) {
        return given_.has_passphrase_key(signature) &&
               given_.file_keys().has_key_for_name(signature);
    }
    lowerfs::FileKeySet& file_keys() { return given_.file_keys(); }

  private:
    GivenKeys& given_;
    std::map<wire::KeySignature, std::vector<keyring::Keyring>> known_;
};

enum class FileState : std::uint8_t { kEncrypted, kEmpty, kNotEncrypted, kDamaged, kUnreadable };

// "encrypted", "empty", "not-encrypted", "damaged", "unreadable".
std::string_view state_name(FileState state);

struct InspectedPacket {
    lower::PacketKind kind;
    std::size_t offset;
    std::size_t size;
    std::size_t signature_offset;  // of the Tag 11 behind a Tag 3; 0 for a Tag 1
    std::string signature;
    std::vector<keyring::Keyring> keyrings;
    bool given;  // by a passphrase
};

struct InspectedDamage {
    std::uint8_t tag;
    std::size_t offset;
    std::size_t size;
    std::string signature;  // empty: it cannot be read
    std::string message;
};

struct InspectedName {
    std::string signature;
    const wire::Cipher* cipher;
    std::vector<keyring::Keyring> keyrings;
    bool given;  // by a passphrase
};

// A file, or a folder or link that cannot be opened or whose name cannot be read.
struct InspectedFile {
    std::string path;
    std::optional<std::string> plain_path = {};  // if a part of it is encrypted, and is known
    FileState state = FileState::kUnreadable;
    std::uint64_t lower_size = 0;
    std::optional<InspectedName> name = {};  // if it is encrypted
    std::optional<base::Error> error = {};   // damaged and unreadable ones
    // The rest is set if there is a header.
    bool has_header = false;
    std::uint64_t size = 0;
    unsigned version = 0;
    std::uint32_t flags = 0;
    bool header_in_attribute = false;
    std::uint64_t data_offset = 0;
    std::uint64_t data_beyond_size = 0;    // bytes of encrypted contents behind the end
    const wire::Cipher* cipher = nullptr;  // null where no packet tells it
    std::size_t key_bytes = 0;             // with that cipher
    std::vector<InspectedPacket> packets = {};
    std::vector<InspectedDamage> damaged_packets = {};
};

// The names of the flags that are set; unknown ones as "0x10".
std::vector<std::string> flag_names(std::uint32_t flags);

// Describes an entry of a walk. Nothing for a folder, link or special file without a fault.
std::optional<InspectedFile> inspect_entry(const lowerfs::TreeEntry& entry, HeldKeys& held);

// A key, and how much it opens.
struct KeyUse {
    std::string kind;  // "public-key", "passphrase", "file-name"
    std::string signature;
    std::vector<keyring::Keyring> keyrings;
    bool given = false;
    std::uint64_t count = 0;  // files; names for a "file-name"
    std::uint64_t alone = 0;  // files that nothing else opens
};

struct InspectionSummary {
    std::uint64_t files = 0;  // of any state
    std::map<FileState, std::uint64_t> by_state;
    std::uint64_t bytes = 0;             // of plaintext
    std::uint64_t one_key_only = 0;      // encrypted files
    std::map<std::string, KeyUse> keys;  // by kind and signature

    void count(const InspectedFile& file);
    void count_name(const InspectedName& name);
};

}  // namespace ecryptfs::cli
