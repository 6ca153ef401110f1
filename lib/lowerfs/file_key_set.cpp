// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/file_key_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "lib/base/printable.h"
#include "lib/base/try.h"
#include "lib/lower/name_key.h"

namespace ecryptfs::lowerfs {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

// The kernel writes one packet for each key. More of them are somebody's trap: each attempt is an
// operation of a token, which may be slow, or want a person's touch.
constexpr int kTriesPerKey = 2;
constexpr int kTriesPerFile = 8;

}  // namespace

void FileKeySet::add_passphrase_key(lower::PassphraseKey key) {
    const auto signature = key.signature;
    passphrase_keys_.insert_or_assign(signature, std::move(key.key));
}

bool FileKeySet::has_key_for_packet(const lower::KeyPacket& packet) {
    return packet.kind == lower::PacketKind::kPassphrase
               ? find_passphrase_key(packet.signature) != nullptr
               : has_private_key(packet.signature);
}

bool FileKeySet::has_key_for_name(const KeySignature& signature) {
    return find_passphrase_key(signature) != nullptr;
}

bool FileKeySet::has_private_key(const KeySignature& signature) const {
    return private_keys_ != nullptr && private_keys_->contains(signature);
}

// A FEKEK or FNEK; null if there is none.
const base::SecretBytes* FileKeySet::find_passphrase_key(const KeySignature& signature) {
    auto known = passphrase_keys_.find(signature);
    if (known == passphrase_keys_.end()) {
        auto found = look_up_ ? look_up_(signature) : base::SecretBytes();
        known = passphrase_keys_.emplace(signature, std::move(found)).first;
    }
    if (known->second.empty()) {
        return nullptr;
    }
    used_.insert(signature);
    return &known->second;
}

// kUnknownKey if there is no key for it.
Result<lower::FileKey> FileKeySet::open_packet(const lower::KeyPacket& packet) {
    const auto unknown =
        std::unexpected(Error{ErrorCode::kUnknownKey, std::string(packet.signature.text())});
    if (packet.kind == lower::PacketKind::kPassphrase) {
        const auto* fekek = find_passphrase_key(packet.signature);
        if (fekek == nullptr) {
            return unknown;
        }
        return lower::file_key_from_packet(packet, fekek->view());
    }
    if (!has_private_key(packet.signature)) {
        return unknown;
    }
    used_.insert(packet.signature);
    const auto decrypted = TRY(private_keys_->decrypt(packet.signature, packet.encrypted_fek));
    return lower::file_key_from_decrypted(decrypted.view());
}

Result<lower::FileKey> FileKeySet::open(const lower::Header& header) {
    std::optional<Error> last;
    std::map<KeySignature, int> tries;  // of private keys
    int all_tries = 0;
    for (const auto& packet : header.packets) {
        if (packet.kind == lower::PacketKind::kPublicKey && has_private_key(packet.signature) &&
            (++tries[packet.signature] > kTriesPerKey || ++all_tries > kTriesPerFile)) {
            continue;
        }
        auto opened = open_packet(packet);
        if (opened) {
            return opened;
        }
        if (opened.error().code != ErrorCode::kUnknownKey) {
            last = std::move(opened.error());
        }
    }
    if (last) {
        return std::unexpected(std::move(*last));
    }
    return std::unexpected(
        header.packets.empty() && header.damage
            ? *header.damage
            : Error{ErrorCode::kUnknownKey,
                    fmt::format("no key for it; it is opened by {}", keys_in_words(header)), ""});
}

Result<std::string> FileKeySet::plain_name(const std::string& name) {
    const auto readings = lower::read_lower_name(name);
    if (readings.empty() && !lower::is_encrypted_name(name)) {
        return name;
    }
    Result<std::string> plain = std::unexpected(Error{ErrorCode::kMalformed, ""});
    if (readings.empty()) {
        plain = std::unexpected(lower::parse_encrypted_name(name).error());
    }
    for (const auto& [encrypted, added] : readings) {
        plain = decrypt_name(encrypted);
        // The wrong one of two readings decrypts to noise.
        if (plain && (added.empty() || base::is_printable(*plain))) {
            return *plain + added;
        }
        if (plain) {
            plain = std::unexpected(
                Error{ErrorCode::kDecryptFailed,
                      "the encrypted name was changed, and what was added cannot be told from it"});
        }
    }
    return plain;
}

Result<std::string> FileKeySet::decrypt_name(const lower::EncryptedName& name) {
    const auto* fnek = find_passphrase_key(name.signature);
    if (fnek == nullptr) {
        return std::unexpected(
            Error{ErrorCode::kUnknownKey,
                  fmt::format("no key for its name, which is encrypted by passphrase {}",
                              name.signature.text()),
                  ""});
    }
    return lower::decrypt_name(name, fnek->view());
}

std::string keys_in_words(const lower::Header& header) {
    std::vector<std::string> keys;
    std::ranges::transform(header.packets, std::back_inserter(keys), [](const auto& packet) {
        const bool is_private = packet.kind == lower::PacketKind::kPublicKey;
        return fmt::format("{} {}", is_private ? "private key" : "passphrase",
                           packet.signature.text());
    });
    return fmt::format("{}", fmt::join(keys, " or "));
}

}  // namespace ecryptfs::lowerfs
