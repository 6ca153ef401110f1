// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/key_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lib/base/try.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header_writer.h"
#include "lib/lowerfs/key_check.h"

namespace ecryptfs::lowerfs {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using lower::FileKey;
using lower::KeyPacket;
using lower::PacketKind;

bool is_same_key(const FileKey& left, const FileKey& right) {
    return left.cipher == right.cipher && std::ranges::equal(left.fek.view(), right.fek.view());
}

// As if a file had these packets only.
lower::Header packets_header(std::vector<KeyPacket> packets) {
    lower::Header header;
    header.packets = std::move(packets);
    return header;
}

bool is_for_key(const KeyPacket& packet, const NewKey& key) {
    return packet.kind == key.kind() && packet.signature == key.signature;
}

lower::NewKeyPacket new_packet(const NewKey& key, const FileKey& file_key,
                               base::ByteView encrypted_fek) {
    if (!key.passphrase) {
        return lower::NewPublicKeyPacket{key.signature, encrypted_fek};
    }
    return lower::NewPassphrasePacket{key.signature, file_key.cipher->code, encrypted_fek,
                                      key.passphrase->salt};
}

Error no_key_left_error() {
    return {ErrorCode::kInvalidArgument, "no key would be left that opens it",
            "leave out --remove, or name another key with --add"};
}

Error staying_keys_error(const std::vector<KeyPacket>& staying) {
    return {ErrorCode::kUnknownKey,
            fmt::format("no key for it that would be left; those are {}",
                        keys_in_words(packets_header(staying))),
            "give one of the keys that stay, which shows that it opens the files"};
}

}  // namespace

bool HeaderRekeying::is_removed(const KeyPacket& packet) const {
    return !change_.keeps_others || change_.removed.contains(packet.signature);
}

// Whether nothing is to be done. In no particular order: readers try all packets.
bool HeaderRekeying::has_wanted_keys(const lower::Header& header) const {
    const auto is_present = [&](const NewKey& key) {
        return std::ranges::count_if(header.packets, [&](const KeyPacket& packet) {
                   return is_for_key(packet, key);
               }) == 1;
    };
    const bool has_new = std::ranges::all_of(change_.keys, is_present);
    return change_.keeps_others ? has_new && std::ranges::none_of(header.packets,
                                                                  [&](const KeyPacket& packet) {
                                                                      return is_removed(packet);
                                                                  })
                                : has_new && header.packets.size() == change_.keys.size() &&
                                      header.damaged_packets.empty();
}

std::vector<KeyPacket> HeaderRekeying::staying_packets(const lower::Header& header) const {
    std::vector<KeyPacket> staying;
    std::ranges::copy_if(header.packets, std::back_inserter(staying),
                         [&](const KeyPacket& packet) { return !is_removed(packet); });
    return staying;
}

std::vector<const NewKey*> HeaderRekeying::missing_keys(
    const std::vector<KeyPacket>& staying) const {
    std::vector<const NewKey*> missing;
    for (const auto& key : change_.keys) {
        if (std::ranges::none_of(
                staying, [&](const KeyPacket& packet) { return is_for_key(packet, key); })) {
            missing.push_back(&key);
        }
    }
    return missing;
}

// By one of the usable packets. All other packets of passphrases that are known must agree: a
// damaged one gives another key, which nothing else may show.
Result<FileKey> HeaderRekeying::find_file_key(const LowerFile& file,
                                              const std::vector<KeyPacket>& usable) {
    auto key = TRY(old_keys_.open(packets_header(usable)));
    for (const auto& packet : file.header->packets) {
        if (packet.kind != PacketKind::kPassphrase || !old_keys_.has_key_for_packet(packet)) {
            continue;
        }
        const auto other = old_keys_.open(packets_header({packet}));
        if (!other || !is_same_key(*other, key)) {
            return std::unexpected(Error{
                ErrorCode::kDecryptFailed,
                fmt::format("its packets hold different file keys: that of passphrase {} differs",
                            packet.signature.text()),
                "see by decrypt which key is right, and give that one alone"});
        }
    }
    if (may_be_of_damaged_key(file, key)) {
        return std::unexpected(
            Error{ErrorCode::kDecryptFailed,
                  "there is noise behind its end, where eCryptfs writes zeros: the file key in its "
                  "packet may be damaged",
                  "see by decrypt whether this key is right, or give another one alone"});
    }
    return key;
}

Result<std::vector<std::uint8_t>> HeaderRekeying::encrypt_for_key(const NewKey& key,
                                                                  const FileKey& file_key) {
    if (key.passphrase) {
        return lower::encrypt_file_key(file_key, key.passphrase->key.view());
    }
    const auto to_encrypt = TRY(lower::file_key_to_encrypt(file_key));
    return public_keys_.encrypt(key.signature, to_encrypt.view());
}

// Whether a reader finds all packets in it, and the new passphrases the file key.
Result<void> HeaderRekeying::check_header(const std::vector<std::uint8_t>& bytes,
                                          std::size_t packets, const FileKey& file_key) const {
    const auto header = TRY(lower::parse_header(bytes));
    bool is_sound = !header.damage && header.packets.size() == packets;
    for (const auto& packet : header.packets) {
        const auto key = std::ranges::find_if(
            change_.keys, [&](const NewKey& each) { return is_for_key(packet, each); });
        if (is_sound && key != change_.keys.end() && key->passphrase) {
            const auto opened = lower::file_key_from_packet(packet, key->passphrase->key.view());
            is_sound = opened && is_same_key(*opened, file_key);
        }
    }
    if (!is_sound) {
        return std::unexpected(
            Error{ErrorCode::kInternal, "the new header does not open the file", ""});
    }
    return {};
}

Result<std::optional<std::vector<std::uint8_t>>> HeaderRekeying::make_header(
    const LowerFile& file) {
    const auto& header = file.header.value();
    if (has_wanted_keys(header)) {
        return std::nullopt;
    }
    if (header.packets.empty()) {
        return std::unexpected(header.damage.value());
    }
    const auto staying = staying_packets(header);
    const auto missing = missing_keys(staying);
    if (staying.empty() && missing.empty()) {
        return std::unexpected(no_key_left_error());
    }
    if (change_.keeps_others && header.damage) {
        return std::unexpected(*header.damage);
    }
    auto found = find_file_key(file, missing.empty() ? staying : header.packets);
    if (!found) {
        const bool opens_otherwise = missing.empty() &&
                                     found.error().code == ErrorCode::kUnknownKey &&
                                     staying.size() < header.packets.size();
        return std::unexpected(opens_otherwise ? staying_keys_error(staying) : found.error());
    }
    std::vector<lower::KeptOrNewPacket> packets;
    for (const auto& packet : staying) {
        packets.emplace_back(base::ByteView(file.header_bytes).subspan(packet.offset, packet.size));
    }
    std::vector<std::vector<std::uint8_t>> encrypted;
    encrypted.reserve(missing.size());
    for (const auto* key : missing) {
        auto fek = TRY(encrypt_for_key(*key, *found));
        encrypted.push_back(std::move(fek));
        packets.emplace_back(new_packet(*key, *found, encrypted.back()));
    }
    auto bytes = TRY(lower::replace_packets(file.header_bytes, header, packets));
    TRY(check_header(bytes, packets.size(), *found));
    return bytes;
}

}  // namespace ecryptfs::lowerfs
