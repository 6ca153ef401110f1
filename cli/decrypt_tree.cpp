// SPDX-License-Identifier: Apache-2.0

#include "cli/decrypt_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "cli/file_decryption.h"
#include "cli/lower_file.h"
#include "cli/output.h"
#include "cli/part_file.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

std::array<timespec, 2> times_of(const struct stat& status) {
    return {status.st_atim, status.st_mtim};
}

// Permissions that may be given: setuid and setgid only along with the owner that they are for.
mode_t mode_of(const struct stat& status) {
    return status.st_mode & (::geteuid() == 0 ? 07777U : 01777U);
}

// Whether all could be given; FAT and its like have neither owners nor modes.
bool give_attributes(int fd, const struct stat& status) {
    const bool owned = ::geteuid() != 0 || ::fchown(fd, status.st_uid, status.st_gid) == 0;
    // Where the owner is another, nobody else's program may come to run with his rights.
    const bool moded = ::fchmod(fd, mode_of(status) & (owned ? 07777U : 01777U)) == 0;
    return ::futimens(fd, times_of(status).data()) == 0 && owned && moded;
}

bool can_be_written(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.size() <= NAME_MAX &&
           name.find('/') == std::string::npos && name != kPartName;
}

// Within two seconds, which is as exact as FAT is.
bool same_time(const timespec& left, const timespec& right) {
    return std::abs(left.tv_sec - right.tv_sec) <= 2;
}

Error exists(const std::string& name) {
    return {ErrorCode::kAlreadyExists,
            fmt::format("something else is there already as {}; it was left alone", name),
            "move it away and run this again, or choose another --output"};
}

// Whether a copy of this size is there; kAlreadyExists if something else is.
Result<bool> is_written(int folder, const std::string& name, std::uint64_t size,
                        const timespec& time) {
    struct stat there{};
    if (::fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT ? Result<bool>(false)
                               : std::unexpected(file_error("looking for it", errno));
    }
    if (!S_ISREG(there.st_mode) || static_cast<std::uint64_t>(there.st_size) != size ||
        !same_time(there.st_mtim, time)) {
        return std::unexpected(exists(name));
    }
    return true;
}

Result<bool> is_complete(int folder, const std::string& name, const LowerFile& file) {
    return is_written(folder, name, file.header ? file.header->plain_size : 0, file.status.st_mtim);
}

// Whether it was; what an earlier run wrote of a damaged file is left as it is.
Result<bool> publish(PartFile& part, int folder, const std::string& name, const timespec& time) {
    const auto published = part.publish(name);
    if (published) {
        return true;
    }
    if (published.error().code != ErrorCode::kAlreadyExists) {
        return std::unexpected(published.error());
    }
    struct stat written{};
    if (::fstat(part.fd(), &written) != 0) {
        return std::unexpected(file_error("looking at it", errno));
    }
    const auto there = is_written(folder, name, static_cast<std::uint64_t>(written.st_size), time);
    if (!there || !*there) {
        return std::unexpected(there ? published.error() : there.error());
    }
    return false;
}

std::string damaged_name(const std::string& name) {
    constexpr std::string_view kSuffix = ".damaged";
    auto size = std::min(name.size(), NAME_MAX - kSuffix.size());
    while (size > 0 && size < name.size() && (name[size] & 0xc0) == 0x80) {
        --size;  // no character is to be cut
    }
    return name.substr(0, size).append(kSuffix);
}

Result<std::string> link_target(const TreeEntry& entry) {
    std::array<char, PATH_MAX> target{};
    const auto size = ::readlinkat(entry.folder, entry.name.c_str(), target.data(), target.size());
    if (size < 0) {
        return std::unexpected(file_error("reading the link", errno));
    }
    return std::string(target.data(), static_cast<std::size_t>(size));
}

Result<base::UniqueFd> make_folder(int folder, const std::string& name) {
    if (::mkdirat(folder, name.c_str(), 0700) != 0 && errno != EEXIST) {
        return std::unexpected(file_error("making the folder", errno));
    }
    base::UniqueFd made(
        ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) {
        return std::unexpected(errno == ENOTDIR || errno == ELOOP
                                   ? exists(name)
                                   : file_error("opening the new folder", errno));
    }
    ::fchmod(made.get(), 0700);  // one of an earlier run may be closed to writing already
    return made;
}

// What was typed may have folders in front.
std::string last_name(const TreeEntry& entry) {
    return entry.name.substr(entry.name.find_last_of('/') + 1);
}

}  // namespace

TreeDecryption::TreeDecryption(FileOpener& opener, Progress& progress, base::UniqueFd output)
    : opener_(opener), progress_(progress) {
    folders_.push_back(std::move(output));
}

void TreeDecryption::unreadable(const std::string& path, const Error& error) {
    progress_.clear();
    complain(fmt::format("{}: {}", path, error.message));
    counts_.failures.push_back({path, error});
}

void TreeDecryption::keep_attributes(int fd, const struct stat& status) {
    if (!give_attributes(fd, status) && !warned_of_attributes_) {
        progress_.clear();
        warn("owners, modes or times cannot be kept there");
        warned_of_attributes_ = true;
    }
}

// The name that it had. One that cannot be decrypted is kept as it is: its contents may be all that
// matters.
std::optional<std::string> TreeDecryption::output_name(const TreeEntry& entry) {
    std::string lower = last_name(entry);
    auto name = opener_.plain_name(lower);
    if (name && !can_be_written(*name)) {
        name = std::unexpected(
            Error{ErrorCode::kMalformed, "its name is not one that a file there can have", ""});
    }
    if (name) {
        return *name;
    }
    unreadable(entry.path, name.error());
    return can_be_written(lower) ? std::optional(std::move(lower)) : std::nullopt;
}

bool TreeDecryption::enter_folder(const TreeEntry& folder) {
    struct stat root{};
    if (::fstat(folders_.front().get(), &root) == 0 && root.st_ino == folder.status.st_ino &&
        root.st_dev == folder.status.st_dev) {
        unreadable(folder.path, {ErrorCode::kInvalidArgument, "this is the output's own folder",
                                 "choose an --output outside of the lower folder"});
        return false;
    }
    const auto name = folder.depth == 0 ? std::string() : output_name(folder);
    if (!name) {
        return false;
    }
    auto made = folder.depth == 0
                    ? Result<base::UniqueFd>(base::UniqueFd(::fcntl(output(), F_DUPFD_CLOEXEC, 0)))
                    : make_folder(output(), *name);
    if (!made || !*made) {
        unreadable(folder.path, made ? file_error("opening the output", errno) : made.error());
        return false;
    }
    folders_.push_back(std::move(*made));
    return true;
}

void TreeDecryption::leave_folder(const TreeEntry& folder) {
    if (folder.depth > 0) {  // the output itself is the user's
        keep_attributes(output(), folder.status);
    }
    folders_.pop_back();
}

void TreeDecryption::visit(const TreeEntry& entry) {
    if (!S_ISREG(entry.status.st_mode) && !S_ISLNK(entry.status.st_mode)) {
        unreadable(entry.path,
                   {ErrorCode::kNotSupported, "neither file nor folder nor link: not copied", ""});
        return;
    }
    const auto before = progress_.done();
    const auto size = static_cast<std::uint64_t>(entry.status.st_size);
    const auto name = output_name(entry);
    if (name && S_ISREG(entry.status.st_mode)) {
        decrypt_file(entry, *name);
    } else if (name) {
        decrypt_link(entry, *name);
    }
    progress_.advance(size - std::min(size, progress_.done() - before));
}

void TreeDecryption::decrypt_link(const TreeEntry& entry, const std::string& name) {
    const auto lower_target = link_target(entry);
    const auto target = lower_target ? opener_.plain_name(*lower_target) : lower_target;
    if (!target) {
        unreadable(entry.path, target.error());
        return;
    }
    if (auto made = make_link(*target, name); !made) {
        unreadable(entry.path, made.error());
        return;
    }
    if (::geteuid() == 0) {
        static_cast<void>(::fchownat(output(), name.c_str(), entry.status.st_uid,
                                     entry.status.st_gid, AT_SYMLINK_NOFOLLOW));
    }
    ::utimensat(output(), name.c_str(), times_of(entry.status).data(), AT_SYMLINK_NOFOLLOW);
}

Result<void> TreeDecryption::make_link(const std::string& target, const std::string& name) {
    if (::symlinkat(target.c_str(), output(), name.c_str()) == 0) {
        return {};
    }
    if (errno != EEXIST) {
        return std::unexpected(file_error("making the link", errno));
    }
    const auto there = link_target({output(), name, "", 1, {}});
    return there && *there == target ? Result<void>() : std::unexpected(exists(name));
}

void TreeDecryption::decrypt_file(const TreeEntry& entry, const std::string& name) {
    const auto file = open_lower_file(entry.folder, entry.name);
    if (!file) {
        unreadable(entry.path, file.error());
        return;
    }
    if (!file->header && !file->empty()) {
        unreadable(entry.path,
                   {ErrorCode::kMalformed,
                    "no eCryptfs header: it is not encrypted, or its beginning is lost", ""});
        return;
    }
    const auto complete = is_complete(output(), name, *file);
    if (!complete) {
        unreadable(entry.path, complete.error());
    } else if (*complete) {
        ++counts_.skipped;
    } else if (const auto written = write_file(entry, *file, name); !written) {
        unreadable(entry.path, written.error());
    }
}

Result<void> TreeDecryption::write_file(const TreeEntry& entry, const LowerFile& file,
                                        const std::string& name) {
    auto key = file.header ? opener_.open(*file.header) : lower::FileKey{};
    if (!key) {
        return std::unexpected(key.error());
    }
    auto part = PartFile::create(output());
    if (!part) {
        counts_.stopped = true;
        return std::unexpected(part.error());
    }
    std::vector<FileRange> lost;
    std::uint64_t written = 0;
    if (file.header) {
        auto done = decrypt_contents(file, *key, part->fd(), [&](std::uint64_t bytes) {
            written += bytes;
            progress_.advance(bytes);
        });
        if (!done) {
            counts_.stopped = done.error().code == ErrorCode::kNoSpace;
            return std::unexpected(done.error());
        }
        lost = std::move(*done);
    }
    keep_attributes(part->fd(), entry.status);
    const std::string final_name = lost.empty() ? name : damaged_name(name);
    const auto is_new = publish(*part, output(), final_name, entry.status.st_mtim);
    if (!is_new) {
        return std::unexpected(is_new.error());
    }
    counts_.bytes += *is_new ? written : 0;
    if (!lost.empty()) {
        return std::unexpected(
            Error{ErrorCode::kMalformed,
                  fmt::format("{}; the rest is in {}",
                              losses_in_words(lost, file.header->plain_size), final_name),
                  ""});
    }
    ++counts_.files;
    return {};
}

}  // namespace ecryptfs::cli
