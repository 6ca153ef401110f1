// SPDX-License-Identifier: Apache-2.0

#include "cli/files/rekey_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "cli/files/file_error.h"
#include "cli/files/part_file.h"
#include "lib/base/try.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lower/header_format.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;

// Each has a descriptor, of which a process has 1,024, and 8 kB of headers.
constexpr std::size_t kGroup = 512;

lowerfs::JournalEntry journal_entry(const std::string& name,
                                    const lowerfs::HeaderExchange& exchange) {
    lowerfs::JournalEntry entry{.path = name,
                                .inode = exchange.file.status.st_ino,
                                .change = lowerfs::changed_bytes(exchange)};
    const auto marker = base::ByteView(exchange.file.header_bytes).subspan(lower::kMarkerOffset, 8);
    std::ranges::copy(marker, entry.marker.begin());
    return entry;
}

// The file itself may be cut; its header must be whole, or it would grow.
Result<void> check_room(const lowerfs::LowerFile& file, std::size_t header_size) {
    if (!file.header_in_attribute && header_size > file.header_bytes.size()) {
        return std::unexpected(
            Error{ErrorCode::kMalformed,
                  fmt::format("its header is cut (byte {})", file.header_bytes.size()), ""});
    }
    return {};
}

}  // namespace

Result<RekeyPlace> find_rekey_place(const std::string& path) {
    std::error_code failure;
    if (fs::is_directory(path, failure)) {
        return RekeyPlace{path, path, ""};
    }
    const auto file = fs::canonical(path, failure);
    if (failure) {
        return std::unexpected(file_error(fmt::format("opening {}", path), failure.value()));
    }
    return RekeyPlace{fs::is_symlink(path, failure) ? file.string() : path,
                      file.parent_path().string(), file.filename().string()};
}

void TreeRekeying::run(const RekeyPlace& place, RekeyJournal& journal) {
    place_ = &place;
    journal_ = &journal;
    lowerfs::walk_tree(place.path, *this);
    write_pending();
}

bool TreeRekeying::enter_folder(const lowerfs::TreeEntry& folder) {
    const auto& root = journal_->status();
    if (folder.depth == 0 &&
        (folder.status.st_ino != root.st_ino || folder.status.st_dev != root.st_dev)) {
        record_.stop(folder.path,
                     {ErrorCode::kBusy, "another folder has taken its place", "run this again"});
        return false;
    }
    if (folder.depth > 0) {
        note_name(folder);
    }
    return true;
}

void TreeRekeying::note_name(const lowerfs::TreeEntry& entry) {
    const auto readings =
        lower::read_lower_name(entry.name.substr(entry.name.find_last_of('/') + 1));
    if (!readings.empty()) {
        record_.add_name(std::string(readings.front().name.signature.text()));
    }
}

void TreeRekeying::visit(const lowerfs::TreeEntry& entry) {
    if (entry.name == kJournalName || is_unfinished_name(entry.name)) {
        return;
    }
    note_name(entry);
    if (S_ISREG(entry.status.st_mode)) {
        rekey(entry);
        progress_.advance(1);
    }
}

bool TreeRekeying::is_further_name(const struct stat& status) {
    if (status.st_nlink < 2) {
        return false;
    }
    const auto [file, is_new] =
        linked_.try_emplace({status.st_dev, status.st_ino}, status.st_nlink - 1);
    if (!is_new && --file->second == 0) {
        linked_.erase(file);
    }
    return !is_new;
}

Result<std::string> TreeRekeying::name_in_place(const lowerfs::TreeEntry& entry) const {
    std::string name = place_->name;
    if (name.empty()) {
        name = entry.path.substr(place_->path.size());
        name.erase(0, name.find_first_not_of('/'));
    }
    if (!lowerfs::is_journal_path(name)) {
        return std::unexpected(Error{ErrorCode::kNotSupported, "its path is too long",
                                     "name a folder further down as PATH"});
    }
    return name;
}

void TreeRekeying::rekey(const lowerfs::TreeEntry& entry) {
    auto file = lowerfs::open_lower_file(entry.folder, entry.name);
    if (!file) {
        record_.add_failure(entry.path, file.error());
        return;
    }
    if (!file->header) {
        ++(file->empty() ? record_.counts().empty : record_.counts().not_encrypted);
        return;
    }
    if (is_further_name(file->status)) {
        ++record_.counts().linked;
        return;
    }
    auto header = headers_.make_header(*file);
    auto name = header ? name_in_place(entry) : std::unexpected(header.error());
    const auto room = name && *header ? check_room(*file, (*header)->size()) : Result<void>();
    if (!name || !room) {
        record_.add_failure(entry.path, *file->header, name ? room.error() : name.error());
    } else if (!*header) {
        record_.add_unchanged(entry.path, *file->header);
    } else if (choices_.dry_run) {
        record_.add_change(entry.path, *file->header, *lower::parse_header(**header));
    } else {
        pending_.push_back({entry.path, std::move(*name), {std::move(*file), std::move(**header)}});
    }
    if (pending_.size() == kGroup) {
        write_pending();
    }
}

void TreeRekeying::write_pending() {
    if (pending_.empty() || stopped()) {
        return;
    }
    const std::string first = pending_.front().path;
    if (const auto written = write_group(); !written) {
        record_.stop(first, written.error());
    }
    pending_.clear();
}

Result<void> TreeRekeying::write_group() {
    TRY(choices_.check_unmounted());
    std::vector<lowerfs::JournalEntry> entries;
    for (const auto& [path, name, exchange] : pending_) {
        if (!exchange.file.header_in_attribute) {
            entries.push_back(journal_entry(name, exchange));
        }
    }
    TRY(journal_->write(entries));
    for (const auto& [path, name, exchange] : pending_) {
        const auto done = lowerfs::exchange_header(exchange);
        if (!done && done.error().code == ErrorCode::kInternal) {
            return std::unexpected(done.error());  // the disk: the header may be torn
        }
        if (!done) {
            record_.add_failure(path, *exchange.file.header, done.error());
            continue;
        }
        record_.add_change(path, *exchange.file.header, *lower::parse_header(exchange.header));
    }
    TRY(sync_group());
    return journal_->drop();
}

Result<void> TreeRekeying::sync_group() const {
    bool synced = ::syncfs(journal_->folder()) == 0;
    for (const auto& [path, name, exchange] : pending_) {
        const auto& file = exchange.file;
        if (synced && file.status.st_dev != journal_->status().st_dev) {
            synced = ::fsync(file.fd.get()) == 0;
        }
    }
    return synced ? Result<void>() : std::unexpected(file_error("writing to the disk", errno));
}

}  // namespace ecryptfs::cli
