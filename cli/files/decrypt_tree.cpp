// SPDX-License-Identifier: Apache-2.0

#include "cli/files/decrypt_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "cli/files/earlier_copy.h"
#include "cli/files/file_decryption.h"
#include "cli/files/file_error.h"
#include "cli/files/output_folder.h"
#include "cli/files/output_link.h"
#include "cli/files/plain_path.h"
#include "cli/files/safe_name.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/lower/encrypted_name.h"
#include "lib/lowerfs/content_reader.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kDamagedSuffix[] = ".damaged";
constexpr char kBeyondSuffix[] = ".beyond";
constexpr std::uint64_t kMostLines = 1'000;  // about single files; a tree may have millions

// They stay in memory until the end.
std::uint64_t most_kept(const Decrypt& command) {
    return command.json ? kMostInJson : kMostLines;
}

bool can_be_written(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.size() <= NAME_MAX &&
           name.find('/') == std::string::npos && !is_unfinished_name(name);
}

// What was typed may have folders in front.
std::string last_name(const lowerfs::TreeEntry& entry) {
    return entry.name.substr(entry.name.find_last_of('/') + 1);
}

Error damage_of(const std::vector<lower::FileRange>& lost, std::uint64_t size,
                const std::string& saved) {
    return {ErrorCode::kMalformed,
            fmt::format("{}; the rest is in {}", losses_in_words(lost, size), saved)};
}

Error refused_name(const Error& error) {
    return {ErrorCode::kNotSupported,
            fmt::format("the file system there has no such names ({})", error.message),
            "choose an --output on another file system"};
}

}  // namespace

TreeDecryption::TreeDecryption(lowerfs::FileKeySet& keys, Progress& progress, OutputTree& output,
                               PathSelection& selection, const Decrypt& command)
    : keys_(keys), progress_(progress), output_(output), selection_(selection), command_(command) {}

void TreeDecryption::unreadable(const std::string& path, const Error& error) {
    list(path, error.message);
    ++counts_.failed_items;
    if (counts_.failures.size() == most_kept(command_)) {
        counts_.failures.pop_back();
    }
    const auto shown = shortened_path(path);
    counts_.failures.push_back({shown, error, plain_path(keys_, shown)});
}

// On standard error, unless there are too many.
void TreeDecryption::list(const std::string& path, const std::string& what) {
    if (listed_ == kMostLines) {
        ++counts_.unlisted;
        return;
    }
    ++listed_;
    progress_.clear();
    complain(fmt::format("{}: {}", shown_path(keys_, path), what));
}

bool TreeDecryption::is_wanted(const lowerfs::TreeEntry& entry) {
    const auto lower = last_name(entry);
    return entry.depth == 0 || selection_.wants(folders_, keys_.plain_name(lower).value_or(lower));
}

// The name that it had. One that cannot be decrypted is kept as it is: its contents may be all that
// matters.
TreeDecryption::OutputName TreeDecryption::output_name(const lowerfs::TreeEntry& entry) {
    std::string lower = last_name(entry);
    auto name = keys_.plain_name(lower);
    if (name && !can_be_written(*name)) {
        name = std::unexpected(
            Error{ErrorCode::kMalformed, "its name is not one that a file there can have", ""});
    }
    if (name) {
        return {*name};
    }
    const auto readings = lower::read_lower_name(lower);
    if (!readings.empty() && name.error().code == ErrorCode::kUnknownKey) {
        counts_.missing.add_name(readings.front().name.signature);
    }
    return {can_be_written(lower) ? std::move(lower) : std::string(), std::move(name.error())};
}

// The name itself, and if the output refuses that, those that come nearest. First the one that an
// earlier run has given, where the output is known to refuse names.
std::vector<std::string> TreeDecryption::names_to_try(const std::string& name) const {
    constexpr std::size_t kShortName = 120;  // bytes: a mount of eCryptfs has 143
    std::vector<std::string> names = {name};
    const std::string safe = safe_name(name);
    for (const auto& other : {safe, with_suffix(safe.substr(0, kShortName + 1), "")}) {
        if (other != names.back()) {
            names.push_back(other);
        }
    }
    if (refuses_names_ && names.size() > 1 && output_.was_there(names[1]) &&
        !output_.was_there(name)) {
        names.erase(names.begin());
    }
    return names;
}

// Finds a place for a name, and puts something there if no earlier run did.
Result<OutputTree::Place> TreeDecryption::settle(const std::string& name,
                                                 const IsEarlier& is_earlier,
                                                 const Create& create) {
    constexpr int kRaces = 10;  // lost to others who write into the same folder
    Error refusal;
    for (const auto& wanted : names_to_try(name)) {
        for (int race = 0; race < kRaces; ++race) {
            const auto place = output_.find_place(wanted, is_earlier);
            const auto created = place && !place->is_earlier ? create(place->name) : Result<void>();
            if (place && created) {
                return place;
            }
            const auto& error = place ? created.error() : place.error();
            if (error.code == ErrorCode::kNameChanged) {
                refusal = error;
                refuses_names_ = true;
                break;
            }
            if (!place || error.code != ErrorCode::kAlreadyExists || race + 1 == kRaces) {
                return std::unexpected(error);
            }
        }
    }
    return std::unexpected(refused_name(refusal));
}

void TreeDecryption::note_renamed(const lowerfs::TreeEntry& entry, const std::string& name,
                                  const Place& place, const std::string& where) {
    if (place.name == name) {
        return;
    }
    std::string reason = place.is_numbered ? "something else has its name there"
                                           : "the file system there does not have its name";
    list(entry.path, fmt::format("saved as {}: {}", place.name, reason));
    ++counts_.renamed_items;
    if (counts_.renamed.size() < most_kept(command_)) {
        const auto shown = shortened_path(entry.path);
        counts_.renamed.push_back(
            {shown, shortened_path(where), std::move(reason), plain_path(keys_, shown)});
    }
}

bool TreeDecryption::enter_folder(const lowerfs::TreeEntry& folder) {
    if (output_.is_root(folder.status)) {
        unreadable(folder.path, {ErrorCode::kInvalidArgument, "this is the output's own folder",
                                 "choose an --output outside of the lower folder"});
        return false;
    }
    if (folder.depth == 0) {
        const auto fine = output_.check_owner(folder.status.st_uid);
        if (!fine) {
            unreadable(folder.path, fine.error());
        }
        return fine.has_value();
    }
    if (!is_wanted(folder)) {
        return false;
    }
    const auto name = output_name(folder);
    if (name.error) {
        unreadable(folder.path, *name.error);
    }
    if (name.name.empty()) {
        return false;
    }
    const auto place = settle(
        name.name, [&](const std::string& there) { return is_folder(output_.folder(), there); },
        [&](const std::string& given) { return output_.make_folder(given, folder.status); });
    const auto entered = place && place->is_earlier
                             ? output_.reuse_folder(place->name, folder.status)
                             : Result<void>();
    if (!place || !entered) {
        unreadable(folder.path, place ? entered.error() : place.error());
        return false;
    }
    note_renamed(folder, name.name, *place, output_.current_path());
    folders_.push_back(keys_.plain_name(folder.name).value_or(folder.name));
    return true;
}

void TreeDecryption::leave_folder(const lowerfs::TreeEntry& folder) {
    if (folder.depth > 0) {  // the output itself is the user's
        folders_.pop_back();
        output_.leave_folder(folder.self, folder.status, !counts_.stopped, counts_.lost);
    }
}

void TreeDecryption::visit(const lowerfs::TreeEntry& entry) {
    if (!is_wanted(entry)) {
        return;
    }
    if (!S_ISREG(entry.status.st_mode) && !S_ISLNK(entry.status.st_mode)) {
        unreadable(entry.path,
                   {ErrorCode::kNotSupported, "neither file nor folder nor link: not copied", ""});
        return;
    }
    const auto before = progress_.done();
    const auto size = static_cast<std::uint64_t>(entry.status.st_size);
    const auto failures = counts_.failed_items;
    const auto name = output_name(entry);
    if (!name.name.empty()) {
        Result<void> done;
        if (S_ISLNK(entry.status.st_mode)) {
            done = decrypt_link(entry, name.name);
        } else if (const auto file = lowerfs::open_lower_file(entry.folder, entry.name)) {
            done = decrypt_file(entry, *file, name.name);
        } else {
            done = std::unexpected(file.error());
        }
        if (!done) {
            unreadable(entry.path, done.error());
        }
    }
    if (name.error && counts_.failed_items == failures) {
        unreadable(entry.path, *name.error);  // else its contents failed: one line is enough
    }
    progress_.advance(size - std::min(size, progress_.done() - before));
}

Result<void> TreeDecryption::decrypt_link(const lowerfs::TreeEntry& entry,
                                          const std::string& name) {
    const auto link = TRY(read_link(entry.folder, entry.name));
    const auto target = TRY(keys_.plain_name(link.target));
    const auto place = settle(
        name,
        [&](const std::string& there) -> Result<bool> {
            const auto earlier = read_link(output_.folder(), there);
            return earlier && earlier->target == target ? Result<bool>(true)
                                                        : std::unexpected(existing_error(there));
        },
        [&](const std::string& given) { return make_link(output_.folder(), given, target); });
    if (!place) {
        return std::unexpected(place.error());
    }
    if (!place->is_earlier) {
        give_link_attributes(output_.folder(), place->name, target, output_.new_owner(),
                             link.status);
    }
    note_renamed(entry, name, *place, output_.path_of(place->name));
    return {};
}

Result<void> TreeDecryption::decrypt_file(const lowerfs::TreeEntry& entry,
                                          const lowerfs::LowerFile& file, const std::string& name) {
    if (!file.header && !file.empty()) {
        return std::unexpected(
            Error{ErrorCode::kMalformed,
                  "no eCryptfs header: it is not encrypted, or its beginning is lost", ""});
    }
    if (entry.depth == 0) {
        TRY(output_.check_owner(file.status.st_uid));
    }
    const auto earlier = settle(
        name, [&](const std::string& there) { return is_complete(file, there); },
        [](const std::string&) -> Result<void> { return {}; });
    if (!earlier) {
        return std::unexpected(earlier.error());
    }
    if (earlier->is_earlier) {
        ++counts_.skipped;
        note_renamed(entry, name, *earlier, output_.path_of(earlier->name));
        remember(file, earlier->name);
    } else {
        const auto linked = TRY(add_name(entry, file, name));
        if (!linked) {
            TRY(write_file(entry, file, name));
        }
    }
    return file.header ? save_beyond_size(entry, file, earlier->name) : Result<void>();
}

// Whether what was there is a copy of the file. Size and time say so; what a passphrase opens,
// which costs nothing, is compared too: it might be a file of the same name by another key.
Result<bool> TreeDecryption::is_complete(const lowerfs::LowerFile& file, const std::string& there) {
    const auto size = file.header ? file.header->plain_size : 0;
    const auto copy = is_copy(output_.folder(), there, size, file.status.st_mtim);
    const auto opens = [&](const lower::KeyPacket& packet) {
        return packet.kind == lower::PacketKind::kPassphrase && keys_.has_key_for_packet(packet);
    };
    if (!copy || !*copy || size == 0 || !std::ranges::any_of(file.header->packets, opens)) {
        return copy;
    }
    const base::UniqueFd fd(
        ::openat(output_.folder(), there.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    const auto key = fd ? keys_.open(*file.header) : std::unexpected(Error{});
    return key ? has_same_ends(file, *key, fd.get()) : copy;
}

// Whether the file is another name of one that is there.
Result<bool> TreeDecryption::add_name(const lowerfs::TreeEntry& entry,
                                      const lowerfs::LowerFile& file, const std::string& name) {
    const auto copy = linked_.find(file.status);
    if (!copy) {
        return false;
    }
    const auto place = settle(
        name, [](const std::string&) -> Result<bool> { return false; },
        [&](const std::string& given) {
            return link_copy(output_.root(), *copy, output_.folder(), given);
        });
    if (place) {
        ++counts_.linked;
        note_renamed(entry, name, *place, output_.path_of(place->name));
        return true;
    }
    const auto code = place.error().code;
    if (code != ErrorCode::kNotSupported && code != ErrorCode::kNotFound) {
        return std::unexpected(place.error());
    }
    ++counts_.copied_links;
    return false;
}

void TreeDecryption::remember(const lowerfs::LowerFile& file, const std::string& name) {
    if (file.status.st_nlink < 2) {
        return;
    }
    FileCopy copy{output_.path_of(name), {}};
    if (::fstatat(output_.folder(), name.c_str(), &copy.status, AT_SYMLINK_NOFOLLOW) == 0) {
        linked_.remember(file.status, std::move(copy));
    }
}

Result<TreeDecryption::Contents> TreeDecryption::write_contents(const lowerfs::LowerFile& file,
                                                                const lower::FileRange& range) {
    auto key = file.header ? keys_.open(*file.header) : lower::FileKey{};
    if (!key) {
        if (key.error().code == ErrorCode::kUnknownKey) {
            counts_.missing.add_file(*file.header);
        }
        return std::unexpected(key.error());
    }
    auto part = PartFile::create(output_.folder());
    if (!part) {
        counts_.stopped = true;
        return std::unexpected(part.error());
    }
    Contents contents{.part = std::move(*part), .lost = {}};
    if (file.header) {
        FileOutput output(contents.part.fd());
        auto done = decrypt_contents(file, *key, range, output,
                                     [&](std::uint64_t bytes) { progress_.advance(bytes); });
        if (!done) {
            counts_.stopped = done.error().code == ErrorCode::kNoSpace;
            return std::unexpected(done.error());
        }
        contents.lost = std::move(*done);
        contents.doubtful = may_be_of_damaged_key(file, *key);
    }
    AttributeCopy copy(file.fd.get(), file.status, contents.part.fd(), counts_.lost);
    copy.give_owner();
    copy.give_attributes();
    copy.give_mode();
    copy.give_times();
    return contents;
}

// What an earlier run wrote of the same is left as it is.
Result<OutputTree::Place> TreeDecryption::publish(const lowerfs::TreeEntry& entry,
                                                  Contents& contents, const std::string& name,
                                                  const IsEarlier& is_earlier) {
    struct stat written{};
    if (::fstat(contents.part.fd(), &written) != 0) {
        return std::unexpected(file_error("looking at it", errno));
    }
    const auto is_copy_of_part = [&](const std::string& there) {
        return is_copy(output_.folder(), there, static_cast<std::uint64_t>(written.st_size),
                       written.st_mtim);
    };
    auto place = settle(name, is_earlier ? is_earlier : is_copy_of_part,
                        [&](const std::string& given) { return contents.part.publish(given); });
    if (place) {
        note_renamed(entry, name, *place, output_.path_of(place->name));
        counts_.bytes += place->is_earlier ? 0 : static_cast<std::uint64_t>(written.st_size);
    }
    return place;
}

Result<void> TreeDecryption::write_file(const lowerfs::TreeEntry& entry,
                                        const lowerfs::LowerFile& file, const std::string& name) {
    auto contents = TRY(
        write_contents(file, file.header ? lowerfs::whole_contents(file) : lower::FileRange{0, 0}));
    if (!contents.lost.empty()) {
        const auto place = publish(entry, contents, with_suffix(name, kDamagedSuffix), {});
        return std::unexpected(
            place ? damage_of(contents.lost, file.header->plain_size, place->name) : place.error());
    }
    const auto place = publish(entry, contents, name,
                               [&](const std::string& there) { return is_complete(file, there); });
    if (!place) {
        return std::unexpected(place.error());
    }
    if (contents.doubtful) {
        list(entry.path, fmt::format("warning: {}", damaged_key_warning()));
    }
    remember(file, place->name);
    ++(place->is_earlier ? counts_.skipped : counts_.files);
    return {};
}

Result<void> TreeDecryption::save_beyond_size(const lowerfs::TreeEntry& entry,
                                              const lowerfs::LowerFile& file,
                                              const std::string& name) {
    const auto bytes = lowerfs::data_beyond_size(file);
    if (bytes == 0) {
        return {};
    }
    if (!command_.beyond_size) {
        return std::unexpected(beyond_size_error(bytes));
    }
    auto contents = TRY(write_contents(file, lowerfs::contents_beyond_size(file)));
    const auto place = TRY(publish(entry, contents, with_suffix(name, kBeyondSuffix), {}));
    counts_.beyond += place.is_earlier ? 0 : 1;
    return {};
}

}  // namespace ecryptfs::cli
