// SPDX-License-Identifier: Apache-2.0
//
// The keys of one mount: what they open, what new files get, what names become. In locked memory.
// Any thread.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/known_file_keys.h"
#include "fuse/outcome.h"
#include "fuse/ready_files.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/channel/channel_note.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header.h"
#include "lib/lower/header_writer.h"
#include "lib/lower/name_key.h"
#include "lib/lower/passphrase.h"
#include "lib/mount/folder_options.h"
#include "lib/wire/cipher.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::fuse {

// The key of a passphrase, by its signature. kNotSupported for a private key's; kUnknownKey,
// kKeyExpired and so on if there is none.
using FindPassphraseKey =
    std::function<base::Result<lower::PassphraseKey>(const wire::KeySignature&)>;

// Private keys: they decrypt what a Tag 1 packet has, and encrypt it for one. They may take
// seconds.
class PrivateKeys {
  public:
    PrivateKeys() = default;
    PrivateKeys(const PrivateKeys&) = delete;
    PrivateKeys& operator=(const PrivateKeys&) = delete;
    virtual ~PrivateKeys() = default;

    // Gives cipher code, FEK and checksum.
    virtual base::Result<base::SecretBytes> decrypt(const wire::KeySignature& signature,
                                                    base::ByteView encrypted_fek) = 0;
    virtual base::Result<base::SecretBytes> encrypt(const wire::KeySignature& signature,
                                                    base::ByteView file_key) = 0;
};

class MountKeys {
  public:
    // Borrows the private keys. kInvalidArgument for options that do not fit together: no key, a
    // cipher or size that eCryptfs does not have. kNotSupported for a cipher that OpenSSL does not
    // have, and for names with a private key.
    static base::Result<std::unique_ptr<MountKeys>> load(const mount::FolderOptions& options,
                                                         FindPassphraseKey find,
                                                         PrivateKeys& private_keys);
    MountKeys(const MountKeys&) = delete;
    MountKeys& operator=(const MountKeys&) = delete;
    ~MountKeys() = default;

    // Starts the thread that makes new files ahead, if that takes a private key.
    void start();

    // Whether a key of the mount is private.
    bool has_private_keys() const;

    // By a packet that one of the keys opens: the last one, as the kernel does, but those that open
    // it at once come before private keys. ENOKEY if there is none or it is locked. kWouldWait
    // where a private key is to be asked and this thread may not wait.
    Outcome<lower::FileKey> open(const lower::Header& header);

    // Every key of the mount opens it. kWouldWait as above, if none is ready.
    Outcome<NewFile> make_file();

    bool encrypts_names() const { return name_cipher_.has_value(); }
    // The name in the lower folder; also of a link's target. kInvalidArgument if it is too long,
    // kKeyLocked.
    base::Result<std::string> encrypt_name(std::string_view plain) const;
    // Nothing for a name that is not of this mount: the kernel does not show it either.
    std::optional<std::string> decrypt_name(const std::string& lower) const;

    // Names need a key, and it is locked: nothing can be found or listed.
    bool names_are_locked() const;

    // Whether the mount has this key, or any if there is none.
    bool concerns(const std::optional<wire::KeySignature>& signature) const;
    // Wipes this key and what it opened, or all. A private key is the agent's: it opens files again
    // as soon as the agent says so.
    void lock(const std::optional<wire::KeySignature>& signature);
    // The agent went away, and its private keys with it: wipes what they opened.
    void lock_private_keys();
    // How often keys were locked. What was opened before the number changed must not be kept.
    std::uint64_t lock_count() const { return lock_count_.load(); }
    // Finds keys again that lock() has wiped. One that nobody can find may be handed over.
    void unlock(const std::optional<wire::KeySignature>& signature,
                const channel::HandedKey* handed = nullptr);

  private:
    struct Key {
        wire::KeySignature signature;
        bool is_private = false;
        std::optional<lower::PassphraseKey> passphrase = {};  // none while it is locked
    };

    MountKeys(const mount::FolderOptions& options, FindPassphraseKey find,
              PrivateKeys& private_keys);
    base::Result<void> find_keys(const mount::FolderOptions& options);
    base::Result<void> find_name_key(const FindPassphraseKey& find);
    base::Result<NewFile> make_new_file();
    const Key* find_key(const wire::KeySignature& signature) const;
    std::optional<lower::FileKey> open_at_once(const lower::KeyPacket& packet, int& failure);
    bool needs_private_key(const lower::KeyPacket& packet) const;
    base::Result<lower::FileKey> open_with_private_key(const lower::KeyPacket& packet);
    base::Result<std::vector<std::uint8_t>> encrypt_for_key(const Key& key,
                                                            const lower::FileKey& file_key);

    FindPassphraseKey find_;
    PrivateKeys& private_keys_;
    const wire::Cipher* cipher_ = nullptr;
    std::size_t key_size_ = 0;
    std::uint32_t flags_ = 0;  // lower::HeaderFlag of new files
    std::vector<Key> keys_;
    std::optional<lower::NameCipher> name_cipher_;
    base::SecretBytes fnek_;                      // empty while it is locked
    std::optional<lower::NameCoder> name_coder_;  // none while it is locked
    mutable std::shared_mutex key_access_;        // of the passphrase keys and the FNEK
    std::atomic<std::uint64_t> lock_count_ = 0;
    KnownFileKeys known_file_keys_;
    ReadyFiles ready_files_;
};

}  // namespace ecryptfs::fuse
