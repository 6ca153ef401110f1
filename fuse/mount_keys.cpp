// SPDX-License-Identifier: Apache-2.0

#include "fuse/mount_keys.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "fuse/waiting.h"
#include "lib/base/try.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lower/extent_cipher.h"
#include "lib/lower/header_writer.h"

namespace ecryptfs::fuse {
namespace {

using base::ErrorCode;
using base::Result;

// In the marker (crypto.c: write_ecryptfs_marker); any number will do.
Result<std::uint32_t> random_marker() {
    std::uint32_t marker = 0;
    if (::getrandom(&marker, sizeof marker, 0) != sizeof marker) {
        return std::unexpected(base::Error{ErrorCode::kInternal, "getrandom gave too little"});
    }
    return marker;
}

Result<const wire::Cipher*> choose_cipher(const mount::FolderOptions& options) {
    const auto found = std::ranges::find_if(wire::ciphers(), [&](const wire::Cipher& cipher) {
        return cipher.name == options.cipher && cipher.takes_key(options.key_bytes);
    });
    if (found == wire::ciphers().end()) {
        return std::unexpected(
            base::Error{ErrorCode::kInvalidArgument,
                        fmt::format("eCryptfs has no cipher {} with keys of {} bytes",
                                    options.cipher, options.key_bytes),
                        "see ecryptfs-fuse --help for the ciphers and their sizes"});
    }
    return &*found;
}

base::Error locked_error(const wire::KeySignature& signature) {
    return {ErrorCode::kKeyLocked, fmt::format("key {} is locked", signature.text())};
}

}  // namespace

MountKeys::MountKeys(const mount::FolderOptions& options, FindPassphraseKey find,
                     PrivateKeys& private_keys)
    : find_(std::move(find)),
      private_keys_(private_keys),
      key_size_(options.key_bytes),
      flags_(lower::kEncrypted | (options.xattr ? lower::kHeaderInAttribute : 0U) |
             (options.name_keys.empty() ? 0U : lower::kEncryptsNames)),
      ready_files_([this] { return make_new_file(); }) {}

Result<std::unique_ptr<MountKeys>> MountKeys::load(const mount::FolderOptions& options,
                                                   FindPassphraseKey find,
                                                   PrivateKeys& private_keys) {
    std::unique_ptr<MountKeys> keys(new MountKeys(options, std::move(find), private_keys));
    keys->cipher_ = TRY(choose_cipher(options));
    TRY(keys->find_keys(options));
    if (!options.name_keys.empty()) {
        keys->name_cipher_ = {options.name_keys.front(), keys->cipher_, options.key_bytes};
    }
    TRY(keys->find_name_key(keys->find_));
    if (keys->has_private_keys()) {
        TRY(KnownFileKeys::reserve(keys->known_file_keys_));
    }
    // OpenSSL loads what this takes now: later this process may not open such files any more.
    const auto any_key = TRY(lower::make_file_key(*keys->cipher_, keys->key_size_));
    TRY(lower::ExtentCipher::create(any_key));
    return keys;
}

void MountKeys::start() {
    if (has_private_keys()) {
        ready_files_.start();
    }
}

Result<void> MountKeys::find_keys(const mount::FolderOptions& options) {
    for (const auto& signature : options.keys) {
        auto key = find_(signature);
        if (key) {
            keys_.push_back({signature, false, std::move(*key)});
        } else if (key.error().code == ErrorCode::kNotSupported) {
            keys_.push_back({signature, true});
        } else {
            return std::unexpected(std::move(key.error()));
        }
    }
    if (keys_.empty()) {
        return std::unexpected(base::Error{ErrorCode::kInvalidArgument, "no key for the contents",
                                           "name one: -o ecryptfs_sig=SIGNATURE"});
    }
    return {};
}

Result<void> MountKeys::find_name_key(const FindPassphraseKey& find) {
    if (name_cipher_) {
        auto key = TRY(find(name_cipher_->signature));
        name_coder_ = TRY(lower::NameCoder::create(*name_cipher_, key.key.view()));
        fnek_ = std::move(key.key);
    }
    return {};
}

bool MountKeys::has_private_keys() const {
    return std::ranges::any_of(keys_, &Key::is_private);
}

const MountKeys::Key* MountKeys::find_key(const wire::KeySignature& signature) const {
    const auto found = std::ranges::find(keys_, signature, &Key::signature);
    return found == keys_.end() ? nullptr : &*found;
}

Outcome<lower::FileKey> MountKeys::open(const lower::Header& header) {
    int failure = ENOKEY;
    for (const auto& packet : header.packets | std::views::reverse) {
        if (auto key = open_at_once(packet, failure)) {
            return std::move(*key);
        }
    }
    for (const auto& packet : header.packets | std::views::reverse) {
        if (!needs_private_key(packet)) {
            continue;
        }
        if (!may_wait()) {
            return std::unexpected(kWouldWait);
        }
        auto opened = open_with_private_key(packet);
        if (opened) {
            return std::move(*opened);
        }
        failure = to_errno(opened.error());
    }
    return std::unexpected(failure);
}

bool MountKeys::needs_private_key(const lower::KeyPacket& packet) const {
    const auto* const key = find_key(packet.signature);
    return packet.kind == lower::PacketKind::kPublicKey && key != nullptr && key->is_private;
}

// What is ready is taken in one step: another thread may take the last one between two.
Outcome<NewFile> MountKeys::make_file() {
    if (auto ready = ready_files_.take()) {
        return std::move(*ready);
    }
    if (has_private_keys() && !may_wait()) {
        return std::unexpected(kWouldWait);
    }
    return to_outcome(make_new_file());
}

// Nothing if this packet is of no key that is here; `failure` then says why, if a key should be.
std::optional<lower::FileKey> MountKeys::open_at_once(const lower::KeyPacket& packet,
                                                      int& failure) {
    const auto* const key = find_key(packet.signature);
    if (key == nullptr || key->is_private != (packet.kind == lower::PacketKind::kPublicKey)) {
        return std::nullopt;
    }
    if (key->is_private) {
        return known_file_keys_.find(packet.signature, packet.encrypted_fek);
    }
    const std::shared_lock access(key_access_);
    if (!key->passphrase) {
        failure = to_errno(locked_error(key->signature));
        return std::nullopt;
    }
    auto opened = lower::file_key_from_packet(packet, key->passphrase->key.view());
    if (!opened) {
        failure = to_errno(opened.error());
        return std::nullopt;
    }
    return std::move(*opened);
}

Result<lower::FileKey> MountKeys::open_with_private_key(const lower::KeyPacket& packet) {
    const auto round = known_file_keys_.round();
    const auto decrypted = TRY(private_keys_.decrypt(packet.signature, packet.encrypted_fek));
    auto key = TRY(lower::file_key_from_decrypted(decrypted.view()));
    known_file_keys_.add(packet.signature, packet.encrypted_fek, key, round);
    return key;
}

Result<std::vector<std::uint8_t>> MountKeys::encrypt_for_key(const Key& key,
                                                             const lower::FileKey& file_key) {
    if (key.is_private) {
        const auto to_encrypt = TRY(lower::file_key_to_encrypt(file_key));
        const auto encrypted = TRY(private_keys_.encrypt(key.signature, to_encrypt.view()));
        return std::vector<std::uint8_t>(encrypted.view().begin(), encrypted.view().end());
    }
    const std::shared_lock access(key_access_);
    return key.passphrase ? lower::encrypt_file_key(file_key, key.passphrase->key.view())
                          : std::unexpected(locked_error(key.signature));
}

Result<NewFile> MountKeys::make_new_file() {
    const auto round = known_file_keys_.round();
    auto file_key = TRY(lower::make_file_key(*cipher_, key_size_));
    std::vector<std::vector<std::uint8_t>> encrypted;
    encrypted.reserve(keys_.size());
    std::vector<lower::NewKeyPacket> packets;
    for (const auto& key : keys_) {
        auto fek = TRY(encrypt_for_key(key, file_key));
        encrypted.push_back(std::move(fek));
        if (key.is_private) {
            packets.emplace_back(lower::NewPublicKeyPacket{key.signature, encrypted.back()});
            continue;
        }
        const std::shared_lock access(key_access_);
        packets.emplace_back(lower::NewPassphrasePacket{
            key.signature, cipher_->code, encrypted.back(),
            key.passphrase ? key.passphrase->salt : lower::kDefaultSalt});
    }
    const auto marker = TRY(random_marker());
    auto header =
        TRY(lower::encode_header({.marker = marker, .flags = flags_, .packets = packets}));
    if ((flags_ & lower::kHeaderInAttribute) == 0) {
        header.resize(lower::kLeastSizeAtFront);
    }
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        if (keys_[i].is_private) {
            known_file_keys_.add(keys_[i].signature, encrypted[i], file_key, round);
        }
    }
    return NewFile{std::move(file_key), std::move(header)};
}

Result<std::string> MountKeys::encrypt_name(std::string_view plain) const {
    if (!name_cipher_) {
        return std::string(plain);
    }
    const std::shared_lock access(key_access_);
    if (!name_coder_) {
        return std::unexpected(locked_error(name_cipher_->signature));
    }
    const auto encrypted = TRY(name_coder_->encrypt(plain));
    return lower::encode_encrypted_name(encrypted);
}

std::optional<std::string> MountKeys::decrypt_name(const std::string& lower) const {
    if (!name_cipher_) {
        return lower;
    }
    const auto parsed = lower::parse_encrypted_name(lower);
    const std::shared_lock access(key_access_);
    if (!parsed || !name_coder_ || parsed->signature != name_cipher_->signature) {
        return std::nullopt;
    }
    auto plain = name_coder_->decrypt(*parsed);
    if (!plain) {  // of a mount with other options, perhaps
        plain = lower::decrypt_name(*parsed, fnek_.view());
    }
    return plain ? std::optional(std::move(*plain)) : std::nullopt;
}

bool MountKeys::names_are_locked() const {
    const std::shared_lock access(key_access_);
    return name_cipher_ && !name_coder_;
}

bool MountKeys::concerns(const std::optional<wire::KeySignature>& signature) const {
    return !signature || find_key(*signature) != nullptr ||
           (name_cipher_ && name_cipher_->signature == *signature);
}

void MountKeys::lock(const std::optional<wire::KeySignature>& signature) {
    ++lock_count_;
    {
        const std::unique_lock access(key_access_);
        for (auto& key : keys_) {
            if (!signature || key.signature == *signature) {
                key.passphrase.reset();
            }
        }
        if (name_cipher_ && (!signature || name_cipher_->signature == *signature)) {
            fnek_.clear();
            name_coder_.reset();
        }
    }
    known_file_keys_.forget(signature);
    ready_files_.forget();
}

void MountKeys::lock_private_keys() {
    ++lock_count_;
    known_file_keys_.forget({});
    ready_files_.forget();
}

void MountKeys::unlock(const std::optional<wire::KeySignature>& signature,
                       const channel::HandedKey* handed) {
    const auto find = [&](const wire::KeySignature& wanted) -> Result<lower::PassphraseKey> {
        if (handed == nullptr) {
            return find_(wanted);
        }
        auto key = TRY(base::SecretBytes::copy(handed->key.view()));
        return lower::PassphraseKey{wanted, std::move(key), handed->salt};
    };
    const std::unique_lock access(key_access_);
    for (auto& key : keys_) {
        if (!key.is_private && !key.passphrase && (!signature || key.signature == *signature)) {
            auto found = find(key.signature);
            key.passphrase = found ? std::optional(std::move(*found)) : std::nullopt;
        }
    }
    if (name_cipher_ && !name_coder_ && (!signature || name_cipher_->signature == *signature)) {
        static_cast<void>(find_name_key(find));  // it stays locked if it is not there
    }
}

}  // namespace ecryptfs::fuse
