// SPDX-License-Identifier: Apache-2.0
//
// A lower file's header for other keys. The file key stays, and so do the contents.

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "lib/base/error.h"
#include "lib/lower/header.h"
#include "lib/lower/passphrase.h"
#include "lib/lowerfs/file_key_set.h"
#include "lib/lowerfs/lower_file.h"
#include "lib/lowerfs/private_keys.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lowerfs {

// A key that files get.
struct NewKey {
    wire::KeySignature signature;
    std::optional<lower::PassphraseKey> passphrase = {};  // none: a private key

    lower::PacketKind kind() const {
        return passphrase ? lower::PacketKind::kPassphrase : lower::PacketKind::kPublicKey;
    }
};

// What becomes of the keys of files.
struct KeyChange {
    std::vector<NewKey> keys = {};  // each file gets these, in this order
    // Other keys go on opening a file, but for the removed ones. Else none does.
    bool keeps_others = false;
    std::set<wire::KeySignature> removed = {};  // with keeps_others only
};

// Makes headers for a change of keys. One call at a time.
class HeaderRekeying {
  public:
    // Borrows all. `old_keys` open the files, `public_keys` has the private ones of the change.
    HeaderRekeying(FileKeySet& old_keys, PublicKeys& public_keys, const KeyChange& change)
        : old_keys_(old_keys), public_keys_(public_keys), change_(change) {}

    // The header that a file gets, up to its last packet; nothing if the file has just these keys
    // already. Afterwards at least one key opens the file that has been seen to open it, or is new.
    // kUnknownKey if no key opens it, or none of those that stay; kDecryptFailed if its packets
    // hold different file keys, or noise; kInvalidArgument if no key would stay, or the packets do
    // not fit; kMalformed for damage that would stay; the errors of the private keys.
    base::Result<std::optional<std::vector<std::uint8_t>>> make_header(const LowerFile& file);

  private:
    bool is_removed(const lower::KeyPacket& packet) const;
    bool has_wanted_keys(const lower::Header& header) const;
    std::vector<lower::KeyPacket> staying_packets(const lower::Header& header) const;
    std::vector<const NewKey*> missing_keys(const std::vector<lower::KeyPacket>& staying) const;
    base::Result<lower::FileKey> find_file_key(const LowerFile& file,
                                               const std::vector<lower::KeyPacket>& usable);
    base::Result<std::vector<std::uint8_t>> encrypt_for_key(const NewKey& key,
                                                            const lower::FileKey& file_key);
    base::Result<void> check_header(const std::vector<std::uint8_t>& bytes, std::size_t packets,
                                    const lower::FileKey& file_key) const;

    FileKeySet& old_keys_;
    PublicKeys& public_keys_;
    const KeyChange& change_;
};

}  // namespace ecryptfs::lowerfs
