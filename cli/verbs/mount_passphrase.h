// SPDX-License-Identifier: Apache-2.0
//
// A mount passphrase that is given to `mount`, instead of to `add-passphrase` before it.

#pragma once

#include <optional>

#include "cli/files/passphrase_tokens.h"
#include "cli/mount/plan.h"
#include "cli/verbs/options.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::cli {

struct MountPassphraseOptions {
    bool asks = false;
    OptionalText file;
    OptionalText wrapped;
    OptionalText wrapping_file;
    OptionalText salt;
    bool encrypts_names = false;  // with the passphrase's own key for names

    bool is_given() const { return asks || file || wrapped; }
};

void add_mount_passphrase(CLI::App& parser, MountPassphraseOptions& options);

struct MountPassphrase {
    base::SecretBytes passphrase;
    bool is_typed = false;
    lower::PassphraseKey contents;
    lower::PassphraseKey names;
};

// Reads it or asks for it. Nothing if none is given.
base::Result<std::optional<MountPassphrase>> read_mount_passphrase(
    const MountPassphraseOptions& options);

// Keys that were added to the user keyring for a mount. If that mount fails, they go again.
class KeysForMount {
  public:
    // Those keys of the passphrase that the plan wants. kWrongSecret if it wants none of them; asks
    // once more for one that nothing else says.
    static base::Result<KeysForMount> add(const MountPassphrase& given, const MountPlan& plan);
    KeysForMount(KeysForMount&& other) noexcept
        : added_(std::exchange(other.added_, std::nullopt)) {}
    KeysForMount& operator=(KeysForMount&&) = delete;
    KeysForMount(const KeysForMount&) = delete;
    KeysForMount& operator=(const KeysForMount&) = delete;
    ~KeysForMount();

    void keep() { added_.reset(); }

  private:
    explicit KeysForMount(AddedPassphrase added) : added_(std::move(added)) {}

    std::optional<AddedPassphrase> added_;
};

}  // namespace ecryptfs::cli
