// SPDX-License-Identifier: Apache-2.0

#include "cli/files/key_demand.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "lib/lower/encrypted_name.h"
#include "lib/lowerfs/lower_file.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using wire::KeySignature;

constexpr std::size_t kMostShown = 8;

void append(std::vector<std::string>& parts, const std::map<std::string, std::uint64_t>& counts,
            std::string_view one) {
    for (const auto& [keys, count] : counts) {
        parts.push_back(count == 1 ? fmt::format("1 {} wants {}", one, keys)
                                   : fmt::format("{} {}s want {}", count, one, keys));
    }
}

// Ends at the first file or name that a key opens.
class Probe : public lowerfs::TreeVisitor {
  public:
    explicit Probe(lowerfs::FileKeySet& keys) : keys_(keys) {}

    bool enter_folder(const lowerfs::TreeEntry& folder) override {
        if (folder.depth > 0) {  // the path that was typed stays as it is
            check_name(folder);
        }
        return !opens_;
    }
    void leave_folder(const lowerfs::TreeEntry&) override {}
    void visit(const lowerfs::TreeEntry& entry) override {
        check_name(entry);
        if (S_ISREG(entry.status.st_mode) && !opens_) {
            check_file(entry);
        }
    }
    void unreadable(const std::string&, const Error&) override {}
    bool stopped() const override { return opens_; }

    const KeyDemand& demand() const { return demand_; }

  private:
    void check_name(const lowerfs::TreeEntry& entry) {
        const auto readings =
            lower::read_lower_name(entry.name.substr(entry.name.find_last_of('/') + 1));
        opens_ = opens_ || std::ranges::any_of(readings, [&](const auto& reading) {
                     return keys_.has_key_for_name(reading.name.signature);
                 });
        if (!readings.empty() && !opens_) {
            demand_.add_name(readings.front().name.signature);
        }
    }

    void check_file(const lowerfs::TreeEntry& entry) {
        const auto file = lowerfs::open_lower_file(entry.folder, entry.name);
        if (!file || !file->header) {
            return;
        }
        opens_ = std::ranges::any_of(file->header->packets, [&](const auto& packet) {
            return keys_.has_key_for_packet(packet);
        });
        demand_.add_file(*file->header);
    }

    lowerfs::FileKeySet& keys_;
    KeyDemand demand_;
    bool opens_ = false;
};

}  // namespace

void KeyDemand::add_file(const lower::Header& header) {
    if (header.packets.empty()) {
        return;
    }
    ++files_[lowerfs::keys_in_words(header)];
    for (const auto& packet : header.packets) {
        if (packet.kind == lower::PacketKind::kPublicKey) {
            wants_private_key_ = true;
        } else {
            passphrases_.insert(packet.signature);
        }
    }
}

void KeyDemand::add_name(const KeySignature& signature) {
    ++names_[fmt::format("passphrase {}", signature.text())];
    passphrases_.insert(signature);
}

void KeyDemand::add(const KeyDemand& other) {
    for (const auto& [keys, count] : other.files_) {
        files_[keys] += count;
    }
    for (const auto& [keys, count] : other.names_) {
        names_[keys] += count;
    }
    passphrases_.insert(other.passphrases_.begin(), other.passphrases_.end());
    wants_private_key_ = wants_private_key_ || other.wants_private_key_;
}

std::string KeyDemand::text() const {
    std::vector<std::string> parts;
    append(parts, files_, "file");
    append(parts, names_, "name");
    if (parts.size() > kMostShown) {
        const auto more = parts.size() - kMostShown;
        parts.resize(kMostShown);
        parts.push_back(fmt::format("{} more keys are wanted", more));
    }
    return fmt::format("{}", fmt::join(parts, "; "));
}

std::optional<KeyDemand> find_unmet_demand(std::span<const std::string> paths,
                                           lowerfs::FileKeySet& keys) {
    Probe probe(keys);
    for (const auto& path : paths) {
        if (!probe.stopped()) {
            lowerfs::walk_tree(path, probe);
        }
    }
    return probe.stopped() || probe.demand().empty() ? std::nullopt : std::optional(probe.demand());
}

}  // namespace ecryptfs::cli
