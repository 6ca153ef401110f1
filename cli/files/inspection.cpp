// SPDX-License-Identifier: Apache-2.0

#include "cli/files/inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cli/files/plain_path.h"
#include "cli/output/output.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;

std::string last_part(const std::string& path) {
    return path.substr(path.find_last_of('/') + 1);
}

void inspect_name(const std::string& name, HeldKeys& held, InspectedFile& file) {
    const auto readings = lower::read_lower_name(name);
    if (readings.empty()) {
        if (lower::is_encrypted_name(name)) {
            file.state = FileState::kDamaged;
            file.error = lower::parse_encrypted_name(name).error();
        }
        return;
    }
    const auto* parsed = &readings.front().name;
    file.name =
        InspectedName{std::string(parsed->signature.text()), wire::find_cipher(parsed->cipher_code),
                      held.find_keyrings(parsed->signature), held.is_given(parsed->signature)};
}

void describe_header(const lowerfs::LowerFile& lower_file, HeldKeys& held, InspectedFile& file) {
    const auto& header = lower_file.header.value();
    file.has_header = true;
    file.size = header.plain_size;
    file.version = header.version;
    file.flags = header.flags;
    file.header_in_attribute = lower_file.header_in_attribute;
    file.data_offset = lower_file.data_offset();
    for (const auto& packet : header.packets) {
        if (packet.kind == lower::PacketKind::kPassphrase) {
            file.cipher = wire::find_cipher(packet.cipher_code);
            file.key_bytes = std::min(packet.encrypted_fek.size(), file.cipher->largest_key);
        }
        file.packets.push_back(
            {packet.kind, packet.offset, packet.size, packet.signature_offset,
             std::string(packet.signature.text()), held.find_keyrings(packet.signature),
             packet.kind == lower::PacketKind::kPassphrase && held.is_given(packet.signature)});
    }
    for (const auto& packet : header.damaged_packets) {
        file.damaged_packets.push_back(
            {packet.tag, packet.offset, packet.size,
             packet.signature ? std::string(packet.signature->text()) : "", packet.error.message});
    }
    file.error = header.damage;
    if (const auto missing = lowerfs::missing_at_end(lower_file); missing > 0 && !file.error) {
        file.error = Error{ErrorCode::kMalformed,
                           fmt::format("{} bytes of its encrypted contents are missing at the end "
                                       "(byte {})",
                                       missing, lower_file.lower_size())};
    }
    file.data_beyond_size = lowerfs::data_beyond_size(lower_file);
    if (file.data_beyond_size > 0 && !file.error) {
        file.error = Error{
            ErrorCode::kMalformed,
            fmt::format("{} bytes of encrypted data lie behind its end, as after a "
                        "crash (byte {})",
                        file.data_beyond_size, lower_file.lower_size() - file.data_beyond_size),
            "save them by decrypt with --beyond-size"};
    }
    file.state = file.error ? FileState::kDamaged : FileState::kEncrypted;
}

void inspect_file(const lowerfs::TreeEntry& entry, HeldKeys& held, InspectedFile& file) {
    const auto lower_file = lowerfs::open_lower_file(entry.folder, entry.name);
    if (!lower_file) {
        const bool damaged = lower_file.error().code == ErrorCode::kMalformed;
        file.state = damaged ? FileState::kDamaged : FileState::kUnreadable;
        file.error = lower_file.error();
    } else if (lower_file->header) {
        describe_header(*lower_file, held, file);
    } else {
        file.state = lower_file->empty() ? FileState::kEmpty : FileState::kNotEncrypted;
    }
}

}  // namespace

const std::vector<keyring::Keyring>& HeldKeys::find_keyrings(const wire::KeySignature& signature) {
    const auto [entry, is_new] = known_.try_emplace(signature);
    if (is_new) {
        entry->second = keyring::keyrings_with_token(signature);
    }
    return entry->second;
}

std::string_view state_name(FileState state) {
    constexpr auto kNames = std::to_array<std::string_view>(
        {"encrypted", "empty", "not-encrypted", "damaged", "unreadable"});
    return kNames.at(std::to_underlying(state));
}

std::vector<std::string> flag_names(std::uint32_t flags) {
    constexpr auto kNames = std::to_array<std::pair<std::uint32_t, const char*>>(
        {{lower::kHasHmac, "hmac"},
         {lower::kEncrypted, "encrypted"},
         {lower::kHeaderInAttribute, "header-in-xattr"},
         {lower::kEncryptsNames, "encrypted-names"}});
    std::vector<std::string> names;
    for (const auto& [flag, name] : kNames) {
        if ((flags & flag) != 0) {
            names.emplace_back(name);
        }
        flags &= ~flag;
    }
    for (std::uint32_t flag = 1; flags != 0; flag <<= 1) {
        if ((flags & flag) != 0) {
            names.push_back(fmt::format("{:#x}", flag));
        }
        flags &= ~flag;
    }
    return names;
}

std::optional<InspectedFile> inspect_entry(const lowerfs::TreeEntry& entry, HeldKeys& held) {
    InspectedFile file{.path = shortened_path(entry.path)};
    const bool regular = S_ISREG(entry.status.st_mode);
    if (regular) {
        file.lower_size = static_cast<std::uint64_t>(entry.status.st_size);
        inspect_file(entry, held, file);
    }
    if (!regular || !file.error) {
        inspect_name(last_part(entry.name), held, file);
    }
    file.plain_path = plain_path(held.file_keys(), file.path);
    return regular || file.error || file.name ? std::optional(std::move(file)) : std::nullopt;
}

void InspectionSummary::count(const InspectedFile& file) {
    ++files;
    ++by_state[file.state];
    bytes += file.has_header ? file.size : 0;
    const bool alone = file.packets.size() == 1;
    one_key_only += alone ? 1 : 0;
    for (const auto& packet : file.packets) {
        const std::string kind =
            packet.kind == lower::PacketKind::kPublicKey ? "public-key" : "passphrase";
        auto& use = keys[kind + packet.signature];
        use = {kind,         packet.signature, packet.keyrings,
               packet.given, use.count + 1,    use.alone + (alone ? 1 : 0)};
    }
    if (file.name) {
        count_name(*file.name);
    }
}

void InspectionSummary::count_name(const InspectedName& name) {
    auto& use = keys["file-name" + name.signature];
    use = {"file-name", name.signature, name.keyrings, name.given, use.count + 1, 0};
}

}  // namespace ecryptfs::cli
