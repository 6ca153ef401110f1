// SPDX-License-Identifier: Apache-2.0

#include "cli/files/decrypt_tree.h"

#include <limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "cli/files/part_file.h"
#include "lib/base/try.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

bool can_be_written(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.size() <= NAME_MAX &&
           name.find('/') == std::string::npos && !is_unfinished_name(name);
}

// A path that was typed may have folders in front.
std::string last_name(const lowerfs::TreeEntry& entry) {
    return entry.name.substr(entry.name.find_last_of('/') + 1);
}

}  // namespace

TreeDecryption::TreeDecryption(lowerfs::FileKeySet& keys, Progress& progress, OutputTree& output,
                               PathSelection& selection, const DecryptChoices& choices)
    : keys_(keys),
      progress_(progress),
      output_(output),
      selection_(selection),
      record_(keys, progress, choices.json),
      copies_(keys, progress, output, record_, choices.beyond_size) {}

bool TreeDecryption::is_wanted(const lowerfs::TreeEntry& entry) {
    const auto lower = last_name(entry);
    return entry.depth == 0 || selection_.wants(folders_, keys_.plain_name(lower).value_or(lower));
}

// The plain name. One that cannot be decrypted is kept as it is: the contents may be all that
// matters.
TreeDecryption::OutputName TreeDecryption::choose_name(const lowerfs::TreeEntry& entry) {
    std::string lower = last_name(entry);
    auto name = keys_.plain_name(lower);
    if (name && !can_be_written(*name)) {
        name = std::unexpected(Error{ErrorCode::kMalformed, "no file can have its name", ""});
    }
    if (name) {
        return {*name};
    }
    const auto readings = lower::read_lower_name(lower);
    if (!readings.empty() && name.error().code == ErrorCode::kUnknownKey) {
        record_.counts().missing.add_name(readings.front().name.signature);
    }
    return {can_be_written(lower) ? std::move(lower) : std::string(), std::move(name.error())};
}

bool TreeDecryption::may_write_into_root(const lowerfs::TreeEntry& folder) {
    const auto checked = output_.check_owner(folder.status.st_uid);
    if (!checked) {
        unreadable(folder.path, checked.error());
    }
    return checked.has_value();
}

bool TreeDecryption::enter_folder(const lowerfs::TreeEntry& folder) {
    if (output_.is_root(folder.status)) {
        unreadable(folder.path, {ErrorCode::kInvalidArgument, "this is the output's own folder",
                                 "choose an --output outside of the lower folder"});
        return false;
    }
    if (folder.depth == 0) {
        return may_write_into_root(folder);
    }
    if (!is_wanted(folder)) {
        return false;
    }
    const auto name = choose_name(folder);
    if (name.error) {
        unreadable(folder.path, *name.error);
    }
    if (name.name.empty()) {
        return false;
    }
    if (const auto entered = copies_.enter_folder(folder, name.name); !entered) {
        unreadable(folder.path, entered.error());
        return false;
    }
    folders_.push_back(keys_.plain_name(folder.name).value_or(folder.name));
    return true;
}

void TreeDecryption::leave_folder(const lowerfs::TreeEntry& folder) {
    if (folder.depth > 0) {  // the output itself is the user's
        folders_.pop_back();
        copies_.leave_folder(folder);
    }
}

void TreeDecryption::visit(const lowerfs::TreeEntry& entry) {
    if (!is_wanted(entry)) {
        return;
    }
    if (!S_ISREG(entry.status.st_mode) && !S_ISLNK(entry.status.st_mode)) {
        unreadable(entry.path,
                   {ErrorCode::kNotSupported, "not a file, folder or link: not copied", ""});
        return;
    }
    const auto before = progress_.done();
    const auto size = static_cast<std::uint64_t>(entry.status.st_size);
    const auto failures = counts().failed_items;
    const auto name = choose_name(entry);
    if (!name.name.empty()) {
        if (const auto copied = copy(entry, name.name); !copied) {
            unreadable(entry.path, copied.error());
        }
    }
    if (name.error && counts().failed_items == failures) {
        unreadable(entry.path, *name.error);  // else its contents failed: one line is enough
    }
    progress_.advance(size - std::min(size, progress_.done() - before));
}

Result<void> TreeDecryption::copy(const lowerfs::TreeEntry& entry, const std::string& name) {
    if (S_ISLNK(entry.status.st_mode)) {
        return copies_.copy_link(entry, name);
    }
    const auto file = TRY(lowerfs::open_lower_file(entry.folder, entry.name));
    return copies_.copy_file(entry, file, name);
}

}  // namespace ecryptfs::cli
