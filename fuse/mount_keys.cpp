// SPDX-License-Identifier: Apache-2.0

#include "fuse/mount_keys.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <ranges>

#include "lib/base/try.h"
#include "lib/lower/encrypted_name.h"
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

}  // namespace

Result<MountKeys> MountKeys::load(const mount::FolderOptions& options,
                                  const FindPassphraseKey& find) {
    MountKeys keys;
    keys.cipher_ = TRY(choose_cipher(options));
    keys.key_size_ = options.key_bytes;
    keys.flags_ = lower::kEncrypted;
    keys.flags_ |= options.xattr ? lower::kHeaderInAttribute : 0U;
    keys.flags_ |= options.name_keys.empty() ? 0U : lower::kEncryptsNames;
    for (const auto& signature : options.keys) {
        auto key = TRY(find(signature));
        keys.keys_.push_back(std::move(key));
    }
    if (keys.keys_.empty()) {
        return std::unexpected(base::Error{ErrorCode::kInvalidArgument, "no key for the contents",
                                           "name one: -o ecryptfs_sig=SIGNATURE"});
    }
    if (!options.name_keys.empty()) {
        const auto& signature = options.name_keys.front();
        auto key = TRY(find(signature));
        keys.names_.emplace(
            Names{{signature, keys.cipher_, options.key_bytes}, std::move(key.key)});
    }
    return keys;
}

Result<lower::FileKey> MountKeys::open(const lower::Header& header) const {
    std::string wanted;
    for (const auto& packet : header.packets | std::views::reverse) {
        const auto key =
            std::ranges::find(keys_, packet.signature, &lower::PassphraseKey::signature);
        if (packet.kind == lower::PacketKind::kPassphrase && key != keys_.end()) {
            return lower::file_key_from_packet(packet, key->key.view());
        }
        wanted += fmt::format(" {}", packet.signature.text());
    }
    return std::unexpected(base::Error{
        ErrorCode::kUnknownKey, fmt::format("the file is of none of this mount's keys but:{}",
                                            wanted.empty() ? " nobody's" : wanted)});
}

Result<NewFile> MountKeys::make_file() const {
    auto file_key = TRY(lower::make_file_key(*cipher_, key_size_));
    std::vector<std::vector<std::uint8_t>> encrypted;
    std::vector<lower::NewKeyPacket> packets;
    for (const auto& key : keys_) {
        auto fek = TRY(lower::encrypt_file_key(file_key, key.key.view()));
        encrypted.push_back(std::move(fek));
        packets.emplace_back(
            lower::NewPassphrasePacket{key.signature, cipher_->code, encrypted.back(), key.salt});
    }
    const auto marker = TRY(random_marker());
    auto header =
        TRY(lower::encode_header({.marker = marker, .flags = flags_, .packets = packets}));
    if ((flags_ & lower::kHeaderInAttribute) == 0) {
        header.resize(lower::kLeastSizeAtFront);
    }
    return NewFile{std::move(file_key), std::move(header)};
}

Result<std::string> MountKeys::encrypt_name(std::string_view plain) const {
    if (!names_) {
        return std::string(plain);
    }
    const auto encrypted = TRY(lower::encrypt_name(plain, names_->cipher, names_->fnek.view()));
    return lower::encode_encrypted_name(encrypted);
}

std::optional<std::string> MountKeys::decrypt_name(const std::string& lower) const {
    if (!names_) {
        return lower;
    }
    const auto parsed = lower::parse_encrypted_name(lower);
    if (!parsed || parsed->signature != names_->cipher.signature) {
        return std::nullopt;
    }
    auto plain = lower::decrypt_name(*parsed, names_->fnek.view());
    return plain ? std::optional(std::move(*plain)) : std::nullopt;
}

}  // namespace ecryptfs::fuse
