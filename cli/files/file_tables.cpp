// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "cli/output/output.h"

namespace ecryptfs::cli {
namespace {

std::string held_text(const std::vector<keyring::Keyring>& keyrings, bool given) {
    if (given) {
        return "given";
    }
    std::vector<std::string_view> names;
    std::ranges::transform(keyrings, std::back_inserter(names), keyring::keyring_name);
    return names.empty() ? "no" : fmt::format("in the {} keyring", fmt::join(names, " and the "));
}

// Of a file's contents. Public-key packets do not tell it.
std::string cipher_text(const InspectedFile& file) {
    if (file.cipher != nullptr) {
        return fmt::format("{}, {} bits", file.cipher->name, 8 * file.key_bytes);
    }
    return file.packets.empty() ? "unknown: no packet can be read"
                                : "within what the private key opens";
}

std::string line(std::string_view what, std::string_view value) {
    return fmt::format("  {:9} {}\n", what, printable(value));
}

std::string packets_text(const InspectedFile& file) {
    Table table({"PACKET", "BYTE", "OPENED BY", "SIGNATURE", "HELD HERE"});
    for (const auto& packet : file.packets) {
        const bool public_key = packet.kind == lower::PacketKind::kPublicKey;
        table.add_row({public_key ? "tag 1" : "tag 3, 11", fmt::format("{}", packet.offset),
                       public_key ? "private key" : "passphrase", packet.signature,
                       held_text(packet.keyrings, packet.given)});
    }
    for (const auto& packet : file.damaged_packets) {
        table.add_row({fmt::format("{:#04x}", packet.tag), fmt::format("{}", packet.offset),
                       "damaged", packet.signature.empty() ? "-" : packet.signature, "-"});
    }
    return table.empty() ? "" : table.text(2);
}

std::string header_text(const InspectedFile& file) {
    return line("size", fmt::format("{} bytes, {} encrypted", file.size, file.lower_size)) +
           line("header", fmt::format("version {}, {}; {}", file.version,
                                      fmt::join(flag_names(file.flags), ", "),
                                      file.header_in_attribute
                                          ? "in the extended attribute user.ecryptfs"
                                          : fmt::format("{} bytes in front", file.data_offset))) +
           line("cipher", cipher_text(file));
}

}  // namespace

std::string inspected_file_text(const InspectedFile& file) {
    std::string text = printable(file.path) + "\n";
    if (file.plain_path) {
        text += line("plain", *file.plain_path);
    }
    text += line("state", state_name(file.state));
    if (file.error) {
        text += line("", file.error->message);
    }
    if (file.name) {
        text += line("name", fmt::format("tag 70, {}, by passphrase {}, held here: {}",
                                         file.name->cipher->name, file.name->signature,
                                         held_text(file.name->keyrings, file.name->given)));
    }
    return file.has_header ? text + header_text(file) + packets_text(file) : text;
}

std::string inspection_summary_text(const InspectionSummary& summary) {
    std::vector<std::string> states;
    std::ranges::transform(summary.by_state, std::back_inserter(states), [](const auto& entry) {
        return fmt::format("{} {}", entry.second, state_name(entry.first));
    });
    const std::string text =
        fmt::format("{} files{}{}; {} when decrypted; {} have one key only\n", summary.files,
                    states.empty() ? "" : ": ", fmt::join(states, ", "),
                    size_in_words(summary.bytes), summary.one_key_only);
    Table table({"KEY", "SIGNATURE", "FILES", "ALONE", "HELD HERE"});
    for (const auto& [_, key] : summary.keys) {
        const bool of_names = key.kind == "file-name";
        table.add_row({of_names                   ? "names' passphrase"
                       : key.kind == "public-key" ? "private key"
                                                  : "passphrase",
                       key.signature, fmt::format("{}{}", key.count, of_names ? " names" : ""),
                       of_names ? "-" : fmt::format("{}", key.alone),
                       held_text(key.keyrings, key.given)});
    }
    return table.empty() ? text : text + table.text();
}

}  // namespace ecryptfs::cli
