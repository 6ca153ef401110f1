// SPDX-License-Identifier: Apache-2.0

#include "cli/files/rekey_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "cli/files/plain_path.h"
#include "cli/output/output.h"

namespace ecryptfs::cli {
namespace {

constexpr std::uint64_t kMostLines = 1'000;  // on standard error; a tree may have millions of files
constexpr std::size_t kMostChanges = 1'000;  // kinds; a hostile tree may have one for each file

std::vector<PacketKey> packet_keys(const lower::Header& header) {
    std::vector<PacketKey> keys;
    std::ranges::transform(header.packets, std::back_inserter(keys), [](const auto& packet) {
        return PacketKey{packet.kind, std::string(packet.signature.text())};
    });
    return keys;
}

std::string keys_text(const std::vector<PacketKey>& keys) {
    std::vector<std::string> texts;
    std::ranges::transform(keys, std::back_inserter(texts), &PacketKey::text);
    return texts.empty() ? "others" : fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::string PacketKey::text() const {
    return fmt::format(
        "{} {}", kind == lower::PacketKind::kPublicKey ? "private key" : "passphrase", signature);
}

void RekeyRecord::add_change(const std::string& path, const lower::Header& before,
                             const lower::Header& after) {
    ++counts_.changed;
    auto keys = packet_keys(after);
    count_alone(path, keys);
    std::pair change(packet_keys(before), std::move(keys));
    if (counts_.changes.size() >= kMostChanges && !counts_.changes.contains(change)) {
        change = {};
    }
    ++counts_.changes[change];
}

void RekeyRecord::add_unchanged(const std::string& path, const lower::Header& header) {
    ++counts_.unchanged;
    count_alone(path, packet_keys(header));
}

void RekeyRecord::add_failure(const std::string& path, const lower::Header& header,
                              const base::Error& error) {
    // One with advice wants a certain key.
    if (error.code == base::ErrorCode::kUnknownKey && error.advice.empty()) {
        counts_.missing.add_file(header);
    }
    count_alone(path, packet_keys(header));
    add_failure(path, error);
}

void RekeyRecord::add_failure(const std::string& path, const base::Error& error) {
    ++counts_.failed;
    const auto shown = shortened_path(path);
    if (counts_.failures.size() < (json_ ? kMostInJson : 1)) {
        counts_.failures.push_back({shown, error, plain_path(keys_, shown)});
    }
    if (lines_ == kMostLines) {
        ++counts_.unlisted;
        return;
    }
    ++lines_;
    progress_.clear();
    complain(fmt::format("{}: {}", shown_path(keys_, path), error.message));
}

void RekeyRecord::stop(const std::string& path, const base::Error& error) {
    if (!counts_.failures.empty() && counts_.failures.size() >= (json_ ? kMostInJson : 1)) {
        counts_.failures.pop_back();
    }
    add_failure(path, error);
    counts_.stopped = true;
}

void RekeyRecord::count_alone(const std::string& path, const std::vector<PacketKey>& keys) {
    if (keys.size() != 1) {
        return;
    }
    const auto& key = keys.front();
    if (counts_.alone.size() < kMostChanges || counts_.alone.contains(key)) {
        ++counts_.alone[key];
    }
    if (!lists_alone_) {
        return;
    }
    if (!json_) {
        progress_.clear();
        static_cast<void>(
            print(fmt::format("only {} opens {}\n", key.text(), printable(shortened_path(path)))));
    } else if (counts_.alone_paths.size() < kMostInJson) {
        counts_.alone_paths.emplace_back(key, shortened_path(path));
    } else {
        ++counts_.alone_unlisted;
    }
}

std::string rekeyed_text(const RekeyCounts& counts, bool is_dry_run) {
    std::string text;
    if (counts.completed > 0) {
        text += fmt::format("completed {} headers that an interrupted run had begun\n",
                            counts.completed);
    }
    text += fmt::format("{} {} files; {} have these keys already; ",
                        is_dry_run ? "would rekey" : "rekeyed", counts.changed, counts.unchanged);
    const auto add = [&](std::uint64_t number, const char* what) {
        text += number == 0 ? "" : fmt::format("{} {}; ", number, what);
    };
    add(counts.linked, "are other names of the same files");
    add(counts.not_encrypted, "are not encrypted");
    add(counts.empty, "are empty");
    text += fmt::format("{} failed\n", counts.failed);
    Table table({"FILES", "FROM", "TO"});
    for (const auto& [change, files] : counts.changes) {
        table.add_row({std::to_string(files), keys_text(change.first), keys_text(change.second)});
    }
    text += table.empty() ? "" : table.text();
    for (const auto& [key, files] : counts.alone) {
        text += fmt::format("only {} opens {} file{}\n", key.text(), files, files == 1 ? "" : "s");
    }
    return text;
}

}  // namespace ecryptfs::cli
