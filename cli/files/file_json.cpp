// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_json.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/output/json_text.h"

namespace ecryptfs::cli {
namespace {

using Json = nlohmann::ordered_json;

// Each line but the first is `indent` further in.
std::string indented(const Json& json, std::size_t indent) {
    std::string result;
    for (const char c : json_text(json)) {
        result += c;
        if (c == '\n') {
            result.append(indent, ' ');
        }
    }
    return result;
}

Json keyrings_json(const std::vector<keyring::Keyring>& keyrings) {
    Json names = Json::array();
    for (const keyring::Keyring keyring : keyrings) {
        names.push_back(keyring::keyring_name(keyring));
    }
    return names;
}

Json error_json(const base::Error& error) {
    return {{"name", base::traits(error.code).name},
            {"message", error.message},
            {"advice", error.advice.empty() ? Json(nullptr) : Json(error.advice)}};
}

Json cipher_json(const wire::Cipher* cipher) {
    return cipher == nullptr ? Json(nullptr) : Json(cipher->name);
}

Json packet_json(const InspectedPacket& packet) {
    const bool public_key = packet.kind == lower::PacketKind::kPublicKey;
    return {{"kind", public_key ? "public-key" : "passphrase"},
            {"tag", public_key ? 1 : 3},
            {"offset", packet.offset},
            {"size", packet.size},
            {"signature_tag", public_key ? 1 : 11},
            {"signature_offset", public_key ? packet.offset : packet.signature_offset},
            {"signature", packet.signature},
            {"held_in", keyrings_json(packet.keyrings)},
            {"given", packet.given}};
}

Json damage_json(const InspectedDamage& packet) {
    return {{"tag_byte", packet.tag},
            {"offset", packet.offset},
            {"size", packet.size},
            {"signature", packet.signature.empty() ? Json(nullptr) : Json(packet.signature)},
            {"message", packet.message}};
}

Json header_json(const InspectedFile& file) {
    Json packets = Json::array();
    for (const auto& packet : file.packets) {
        packets.push_back(packet_json(packet));
    }
    Json damaged = Json::array();
    for (const auto& packet : file.damaged_packets) {
        damaged.push_back(damage_json(packet));
    }
    return {{"place", file.header_in_attribute ? "xattr" : "front"},
            {"size", file.size},
            {"version", file.version},
            {"flags", flag_names(file.flags)},
            {"data_offset", file.data_offset},
            {"data_beyond_size", file.data_beyond_size},
            {"cipher", cipher_json(file.cipher)},
            {"key_bytes", file.cipher == nullptr ? Json(nullptr) : Json(file.key_bytes)},
            {"packets", packets},
            {"damaged_packets", damaged}};
}

Json name_json(const InspectedName& name) {
    return {{"tag", 70},
            {"signature", name.signature},
            {"cipher", cipher_json(name.cipher)},
            {"held_in", keyrings_json(name.keyrings)},
            {"given", name.given}};
}

Json failures_json(const std::vector<DecryptFailure>& listed) {
    Json failures = Json::array();
    for (const auto& failure : listed) {
        failures.push_back(
            {{"path", failure.path},
             {"plain_path", failure.plain_path ? Json(*failure.plain_path) : Json(nullptr)},
             {"error", error_json(failure.error)}});
    }
    return failures;
}

Json key_json(const PacketKey& key) {
    return {{"kind", key.kind == lower::PacketKind::kPublicKey ? "public-key" : "passphrase"},
            {"signature", key.signature}};
}

Json keys_json(const std::vector<PacketKey>& keys) {
    Json list = Json::array();
    std::ranges::transform(keys, std::back_inserter(list), key_json);
    return list;
}

Json alone_json(const RekeyCounts& counts) {
    Json list = Json::array();
    for (const auto& [key, files] : counts.alone) {
        Json paths = Json::array();
        for (const auto& [owner, path] : counts.alone_paths) {
            if (owner == key) {
                paths.push_back(path);
            }
        }
        Json entry = key_json(key);
        entry["files"] = files;
        entry["paths"] = std::move(paths);
        list.push_back(std::move(entry));
    }
    return list;
}

std::uint64_t excess(std::uint64_t all, std::uint64_t listed) {
    return all > listed ? all - listed : 0;
}

}  // namespace

std::string decrypted_json(const DecryptCounts& counts) {
    Json renamed = Json::array();
    for (const auto& copy : counts.renamed) {
        renamed.push_back({{"path", copy.path},
                           {"plain_path", copy.plain_path ? Json(*copy.plain_path) : Json(nullptr)},
                           {"name", copy.name},
                           {"reason", copy.reason}});
    }
    const Json json = {{"decrypted", counts.files},
                       {"skipped", counts.skipped},
                       {"bytes", counts.bytes},
                       {"linked", counts.linked},
                       {"beyond_size", counts.beyond},
                       {"renamed", renamed},
                       {"not_kept",
                        {{"owners", counts.lost.owners},
                         {"acls", counts.lost.acls},
                         {"xattrs", counts.lost.user_attributes},
                         {"privileges", counts.lost.privileges},
                         {"links", counts.copied_links}}},
                       {"failures", failures_json(counts.failures)},
                       {"unlisted",
                        {{"renamed", excess(counts.renamed_items, counts.renamed.size())},
                         {"failures", excess(counts.failed_items, counts.failures.size())}}},
                       {"stopped", counts.stopped}};
    return indented(json, 0) + "\n";
}

std::string rekeyed_json(const RekeyCounts& counts, bool is_dry_run) {
    Json changes = Json::array();
    for (const auto& [change, files] : counts.changes) {
        changes.push_back({{"from", keys_json(change.first)},
                           {"to", keys_json(change.second)},
                           {"files", files}});
    }
    Json names = Json::array();
    for (const auto& [signature, number] : counts.names) {
        names.push_back({{"signature", signature}, {"count", number}});
    }
    const Json json = {{"dry_run", is_dry_run},
                       {"rekeyed", counts.changed},
                       {"unchanged", counts.unchanged},
                       {"linked", counts.linked},
                       {"not_encrypted", counts.not_encrypted},
                       {"empty", counts.empty},
                       {"completed", counts.completed},
                       {"failed", counts.failed},
                       {"changes", changes},
                       {"one_key_only", alone_json(counts)},
                       {"names", names},
                       {"failures", failures_json(counts.failures)},
                       {"unlisted",
                        {{"one_key_only", counts.alone_unlisted},
                         {"failures", excess(counts.failed, counts.failures.size())}}},
                       {"stopped", counts.stopped}};
    return indented(json, 0) + "\n";
}

std::string found_paths_json(const std::vector<FoundPath>& paths) {
    Json found = Json::array();
    for (const auto& path : paths) {
        found.push_back(
            {{"plain_path", path.plain_path}, {"path", path.path}, {"kind", path.kind}});
    }
    return indented({{"found", found}}, 0) + "\n";
}

std::string inspected_file_json(const InspectedFile& file) {
    const Json json = {{"path", file.path},
                       {"plain_path", file.plain_path ? Json(*file.plain_path) : Json(nullptr)},
                       {"state", state_name(file.state)},
                       {"lower_size", file.lower_size},
                       {"header", file.has_header ? header_json(file) : Json(nullptr)},
                       {"name", file.name ? name_json(*file.name) : Json(nullptr)},
                       {"error", file.error ? error_json(*file.error) : Json(nullptr)}};
    return "\n    " + indented(json, 4);
}

std::string inspection_end_json(const InspectionSummary& summary) {
    Json states = Json::object();
    for (const auto state : {FileState::kEncrypted, FileState::kEmpty, FileState::kNotEncrypted,
                             FileState::kDamaged, FileState::kUnreadable}) {
        const auto found = summary.by_state.find(state);
        states[state_name(state)] = found == summary.by_state.end() ? 0 : found->second;
    }
    Json keys = Json::array();
    for (const auto& [_, key] : summary.keys) {
        keys.push_back({{"kind", key.kind},
                        {"signature", key.signature},
                        {"held_in", keyrings_json(key.keyrings)},
                        {"given", key.given},
                        {"count", key.count},
                        {"alone", key.alone}});
    }
    const Json json = {{"files", summary.files},
                       {"by_state", states},
                       {"bytes", summary.bytes},
                       {"one_key_only", summary.one_key_only},
                       {"keys", keys}};
    return "\n  ],\n  \"summary\": " + indented(json, 2) + "\n}\n";
}

}  // namespace ecryptfs::cli
