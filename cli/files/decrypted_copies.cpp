// SPDX-License-Identifier: Apache-2.0

#include "cli/files/decrypted_copies.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "cli/files/earlier_copy.h"
#include "cli/files/file_decryption.h"
#include "cli/files/file_error.h"
#include "cli/files/output_folder.h"
#include "cli/files/output_link.h"
#include "cli/files/safe_name.h"
#include "lib/base/try.h"
#include "lib/lowerfs/content_reader.h"
#include "lib/lowerfs/key_check.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kDamagedSuffix[] = ".damaged";
constexpr char kBeyondSuffix[] = ".beyond";

Error damage_error(const std::vector<lower::FileRange>& lost, std::uint64_t size,
                   const std::string& saved) {
    return {ErrorCode::kMalformed,
            fmt::format("{}; the rest is in {}", losses_in_words(lost, size), saved)};
}

}  // namespace

Result<void> DecryptedCopies::enter_folder(const lowerfs::TreeEntry& folder,
                                           const std::string& name) {
    const auto place = TRY(places_.settle(
        name, [&](const std::string& there) { return is_folder(output_.folder(), there); },
        [&](const std::string& given) { return output_.make_folder(given, folder.status); }));
    if (place.is_earlier) {
        TRY(output_.reuse_folder(place.name, folder.status));
    }
    record_place(folder, name, place, output_.current_path());
    return {};
}

void DecryptedCopies::leave_folder(const lowerfs::TreeEntry& folder) {
    auto& counts = record_.counts();
    output_.leave_folder(folder.self, folder.status, !counts.stopped, counts.lost);
}

Result<void> DecryptedCopies::copy_link(const lowerfs::TreeEntry& entry, const std::string& name) {
    const auto link = TRY(read_link(entry.folder, entry.name));
    const auto target = TRY(keys_.plain_name(link.target));
    const auto place = places_.settle(
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
    record_place(entry, name, *place, output_.path_from_root(place->name));
    return {};
}

Result<void> DecryptedCopies::copy_file(const lowerfs::TreeEntry& entry,
                                        const lowerfs::LowerFile& file, const std::string& name) {
    if (!file.header && !file.empty()) {
        return std::unexpected(missing_header_error());
    }
    if (entry.depth == 0) {
        TRY(output_.check_owner(file.status.st_uid));
    }
    const auto earlier = places_.settle(
        name, [&](const std::string& there) { return is_complete(file, there); },
        [](const std::string&) -> Result<void> { return {}; });
    if (!earlier) {
        return std::unexpected(earlier.error());
    }
    if (earlier->is_earlier) {
        ++record_.counts().skipped;
        record_place(entry, name, *earlier, output_.path_from_root(earlier->name));
        remember_copy(file, earlier->name);
    } else {
        const auto linked = TRY(link_known_copy(entry, file, name));
        if (!linked) {
            TRY(write_file(entry, file, name));
        }
    }
    return file.header ? save_beyond_size(entry, file, earlier->name) : Result<void>();
}

// Whether a file in the output is a copy of this one, by size and time. If a passphrase opens the
// lower file, which is quick, contents are compared too: it may be a file of that name by another
// key.
Result<bool> DecryptedCopies::is_complete(const lowerfs::LowerFile& file,
                                          const std::string& there) {
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

// Links the file to its copy, if it is another name of a file that was copied.
Result<bool> DecryptedCopies::link_known_copy(const lowerfs::TreeEntry& entry,
                                              const lowerfs::LowerFile& file,
                                              const std::string& name) {
    const auto copy = linked_.find(file.status);
    if (!copy) {
        return false;
    }
    const auto place = places_.settle(
        name, [](const std::string&) -> Result<bool> { return false; },
        [&](const std::string& given) {
            return link_copy(output_.root(), *copy, output_.folder(), given);
        });
    if (place) {
        ++record_.counts().linked;
        record_place(entry, name, *place, output_.path_from_root(place->name));
        return true;
    }
    const auto code = place.error().code;
    if (code != ErrorCode::kNotSupported && code != ErrorCode::kNotFound) {
        return std::unexpected(place.error());
    }
    ++record_.counts().copied_links;
    return false;
}

void DecryptedCopies::remember_copy(const lowerfs::LowerFile& file, const std::string& name) {
    if (file.status.st_nlink < 2) {
        return;
    }
    FileCopy copy{output_.path_from_root(name), {}};
    if (::fstatat(output_.folder(), name.c_str(), &copy.status, AT_SYMLINK_NOFOLLOW) == 0) {
        linked_.remember(file.status, std::move(copy));
    }
}

Result<DecryptedCopies::Contents> DecryptedCopies::write_contents(const lowerfs::LowerFile& file,
                                                                  const lower::FileRange& range) {
    auto key = file.header ? keys_.open(*file.header) : lower::FileKey{};
    if (!key) {
        if (key.error().code == ErrorCode::kUnknownKey) {
            record_.counts().missing.add_file(*file.header);
        }
        return std::unexpected(key.error());
    }
    auto part = PartFile::create(output_.folder());
    if (!part) {
        record_.counts().stopped = true;
        return std::unexpected(part.error());
    }
    Contents contents{.part = std::move(*part), .lost = {}};
    if (file.header) {
        FileOutput output(contents.part.fd());
        auto done = decrypt_contents(file, *key, range, output,
                                     [&](std::uint64_t bytes) { progress_.advance(bytes); });
        if (!done) {
            record_.counts().stopped = done.error().code == ErrorCode::kNoSpace;
            return std::unexpected(done.error());
        }
        contents.lost = std::move(*done);
        contents.doubtful = lowerfs::may_be_of_damaged_key(file, *key);
    }
    AttributeCopy copy(file.fd.get(), file.status, contents.part.fd(), record_.counts().lost);
    copy.give_owner();
    copy.give_attributes();
    copy.give_mode();
    copy.give_times();
    return contents;
}

// Gives the new file its name, unless an earlier run wrote the same.
Result<OutputTree::Place> DecryptedCopies::publish(const lowerfs::TreeEntry& entry,
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
    auto place =
        places_.settle(name, is_earlier ? is_earlier : is_copy_of_part,
                       [&](const std::string& given) { return contents.part.publish(given); });
    if (place) {
        record_place(entry, name, *place, output_.path_from_root(place->name));
        record_.counts().bytes +=
            place->is_earlier ? 0 : static_cast<std::uint64_t>(written.st_size);
    }
    return place;
}

Result<void> DecryptedCopies::write_file(const lowerfs::TreeEntry& entry,
                                         const lowerfs::LowerFile& file, const std::string& name) {
    auto contents = TRY(
        write_contents(file, file.header ? lowerfs::whole_contents(file) : lower::FileRange{0, 0}));
    if (!contents.lost.empty()) {
        const auto place = publish(entry, contents, with_suffix(name, kDamagedSuffix), {});
        return std::unexpected(
            place ? damage_error(contents.lost, file.header->plain_size, place->name)
                  : place.error());
    }
    const auto place = publish(entry, contents, name,
                               [&](const std::string& there) { return is_complete(file, there); });
    if (!place) {
        return std::unexpected(place.error());
    }
    if (contents.doubtful) {
        record_.add_warning(entry.path, damaged_key_warning());
    }
    remember_copy(file, place->name);
    ++(place->is_earlier ? record_.counts().skipped : record_.counts().files);
    return {};
}

Result<void> DecryptedCopies::save_beyond_size(const lowerfs::TreeEntry& entry,
                                               const lowerfs::LowerFile& file,
                                               const std::string& name) {
    const auto bytes = lowerfs::data_beyond_size(file);
    if (bytes == 0) {
        return {};
    }
    if (!saves_beyond_size_) {
        return std::unexpected(beyond_size_error(bytes));
    }
    auto contents = TRY(write_contents(file, lowerfs::contents_beyond_size(file)));
    const auto place = TRY(publish(entry, contents, with_suffix(name, kBeyondSuffix), {}));
    record_.counts().beyond += place.is_earlier ? 0 : 1;
    return {};
}

void DecryptedCopies::record_place(const lowerfs::TreeEntry& entry, const std::string& name,
                                   const Place& place, const std::string& where) {
    if (place.name != name) {
        record_.add_renamed(entry.path, place.name, where,
                            place.is_numbered ? "something else has its name there"
                                              : "the file system there cannot have its name");
    }
}

}  // namespace ecryptfs::cli
