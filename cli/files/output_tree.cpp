// SPDX-License-Identifier: Apache-2.0

#include "cli/files/output_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "cli/files/file_error.h"
#include "cli/files/output_folder.h"
#include "cli/files/part_file.h"
#include "cli/files/safe_name.h"
#include "lib/base/file_io.h"
#include "lib/base/try.h"
#include "lib/lowerfs/tree_walk.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr unsigned kNames = 10'000;  // tried for one file
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

// The mark's text: whose folder it will be. A run for another owner must not finish it.
std::string mark_text(uid_t lower_owner) {
    return fmt::format("Not finished by ecryptfsctl decrypt: a folder of uid {}\n", lower_owner);
}

std::string words_as_root(const struct stat& there, const struct stat& lower) {
    return there.st_uid == lower.st_uid
               ? "a folder that others can write into, which is not so for the lower one"
               : fmt::format("a folder of uid {}, and the lower one is of uid {}", there.st_uid,
                             lower.st_uid);
}

std::string words_as_user(const struct stat& there, const struct stat& root) {
    return there.st_uid == root.st_uid
               ? "a folder that everybody can write into"
               : fmt::format(
                     "a folder of uid {}, which is neither you nor the owner of the output "
                     "folder",
                     there.st_uid);
}

Error foreign_folder(const std::string& name, const std::string& what) {
    return {ErrorCode::kAlreadyExists,
            fmt::format("{} already exists as {}; it was left alone", name, what),
            "choose another --output"};
}

// Makes a folder with its mark, under a name that nobody can guess.
Result<base::UniqueFd> make_marked_folder(int parent, const std::string& name, uid_t lower_owner,
                                          bool has_owners) {
    if (::mkdirat(parent, name.c_str(), 0700) != 0) {
        return std::unexpected(file_error("making the folder", errno));
    }
    base::UniqueFd folder(
        ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // A default access control list may withhold rights from its maker. Root needs none.
    if (folder && ::geteuid() != 0) {
        ::fchmod(folder.get(), 0700);
    }
    const base::UniqueFd mark(folder ? ::openat(folder.get(), kUnfinishedName,
                                                O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                                     : -1);
    struct stat made{};
    struct stat marked{};
    if (!mark || !base::write_all(mark.get(), base::as_bytes(mark_text(lower_owner))) ||
        ::fstat(folder.get(), &made) != 0 || ::fstat(mark.get(), &marked) != 0) {
        return std::unexpected(file_error("making the folder", errno));
    }
    // In a shared folder somebody may have put another one into its place.
    const auto names = lowerfs::names_in_folder(folder.get());
    const bool is_open =
        ::geteuid() == 0 && has_owners && (made.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (!names || names->size() != 1 || made.st_uid != marked.st_uid || is_open) {
        return std::unexpected(Error{ErrorCode::kAccessDenied,
                                     "somebody else changes the folder that it is in",
                                     "choose an --output that nobody else can write into"});
    }
    return folder;
}

}  // namespace

OutputTree::OutputTree(base::UniqueFd root) {
    ::fstat(root.get(), &root_);
    fresh_.st_uid = ::geteuid();
    fresh_.st_mode = S_IFREG | 0600;
    if (const auto probe = PartFile::create(root.get())) {
        ::fstat(probe->fd(), &fresh_);
    }
    // A default access control list takes rights away; only FAT and its like give some.
    has_owners_ = fresh_.st_uid == ::geteuid() && (fresh_.st_mode & 07777U & ~0600U) == 0;
    push(std::move(root), {});
}

Result<OutputTree> OutputTree::open(const std::string& path) {
    auto root = TRY(::geteuid() == 0 ? open_output_as_root(path) : open_output(path));
    OutputTree tree(std::move(root));
    TRY(tree.lock_root());
    tree.levels_.back().before = tree.list_folder(tree.folder());
    return tree;
}

// A mark in the root, as long as we write. The root's owner may have left one. One of somebody
// else's in a shared folder means nothing.
Result<void> OutputTree::lock_root() {
    base::UniqueFd mark(::openat(folder(), kUnfinishedName,
                                 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    struct stat status{};
    if (!mark || ::fstat(mark.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        (status.st_uid != fresh_.st_uid && status.st_uid != root_.st_uid)) {
        return {};
    }
    // A file system without locks is no reason to fail.
    if (::flock(mark.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        return std::unexpected(Error{ErrorCode::kAlreadyExists,
                                     "another program is writing into this folder",
                                     "wait until it is done, or choose another folder"});
    }
    lock_ = std::move(mark);
    return {};
}

OutputTree::~OutputTree() {
    if (lock_ && !levels_.empty()) {
        ::unlinkat(folder(), kUnfinishedName, 0);
    }
}

Result<void> OutputTree::check_owner(uid_t lower_owner) const {
    if (::geteuid() != 0 || root_.st_uid == fresh_.st_uid || root_.st_uid == lower_owner) {
        return {};
    }
    return std::unexpected(
        Error{ErrorCode::kAlreadyExists,
              fmt::format("the output folder belongs to uid {}, this to uid {}: nothing of it is "
                          "written there",
                          root_.st_uid, lower_owner),
              "choose another --output"});
}

bool OutputTree::is_root(const struct stat& status) const {
    return status.st_ino == root_.st_ino && status.st_dev == root_.st_dev;
}

std::string OutputTree::current_path() const {
    std::string path;
    for (std::size_t i = 1; i < levels_.size(); ++i) {
        path += (i > 1 ? "/" : "") + levels_[i].name;
    }
    return path;
}

std::string OutputTree::path_from_root(const std::string& name) const {
    return levels_.size() > 1 ? current_path() + "/" + name : name;
}

void OutputTree::push(base::UniqueFd folder, Level level) {
    chain_.push(std::move(folder));
    levels_.push_back(std::move(level));
}

// Without what an earlier run did not finish, which goes; as root, also one of the folder's owner,
// who could remove it too.
std::set<std::string> OutputTree::list_folder(int folder) const {
    struct stat status{};
    struct stat of_owner = fresh_;
    if (::geteuid() == 0 && ::fstat(folder, &status) == 0) {
        of_owner.st_uid = status.st_uid;
    }
    std::set<std::string> result;
    for (auto& name : lowerfs::names_in_folder(folder).value_or(std::vector<std::string>{})) {
        if (!is_unfinished_name(name)) {
            result.insert(std::move(name));
        } else if (name != kUnfinishedName) {
            remove_unfinished(folder, name, fresh_);
            remove_unfinished(folder, name, of_owner);
        }
    }
    return result;
}

Result<OutputTree::Place> OutputTree::find_place(const std::string& name,
                                                 const IsEarlier& is_earlier) {
    for (unsigned number = 1; number <= kNames; ++number) {
        std::string candidate = numbered_name(name, number);
        if (is_unclaimed(candidate)) {
            const auto earlier = is_earlier(candidate);
            if (earlier && *earlier) {
                levels_.back().before.erase(candidate);
                return Place{std::move(candidate), true, number > 1};
            }
            if (!earlier && number == 1) {
                return std::unexpected(earlier.error());
            }
            continue;
        }
        struct stat status{};
        if (::fstatat(folder(), candidate.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
            continue;
        }
        if (errno != ENOENT) {
            return std::unexpected(naming_error("looking for it", errno));
        }
        return Place{std::move(candidate), false, number > 1};
    }
    return std::unexpected(Error{ErrorCode::kAlreadyExists,
                                 fmt::format("{} and all names like it are taken", name),
                                 "choose another --output"});
}

Result<void> OutputTree::make_folder(const std::string& name, const struct stat& lower) {
    const std::string hidden = new_unfinished_name();
    auto made = make_marked_folder(folder(), hidden, lower.st_uid, has_owners_);
    if (made && base::rename_to_free_name(folder(), hidden.c_str(), name.c_str())) {
        push(std::move(*made), {.name = name, .is_ours = true, .closed_mode = {}, .before = {}});
        return {};
    }
    const auto error = made ? naming_error(fmt::format("naming it {}", name), errno) : made.error();
    remove_unfinished(folder(), hidden, fresh_);
    return std::unexpected(error);
}

// Whether a mark is in it for that lower owner, by us or by the folder's own owner: root finishes
// what a user began.
bool OutputTree::has_mark(int folder, uid_t folder_owner, uid_t lower_owner) const {
    const base::UniqueFd mark(
        ::openat(folder, kUnfinishedName, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status{};
    if (!mark || ::fstat(mark.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        (status.st_uid != fresh_.st_uid && status.st_uid != folder_owner) || status.st_nlink != 1) {
        return false;
    }
    const std::string expected = mark_text(lower_owner);
    std::string text(expected.size() + 1, '\0');
    const auto size = ::pread(mark.get(), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text == expected;
}

bool OutputTree::may_reuse(const struct stat& there, const struct stat& lower, bool marked) const {
    const bool ours = there.st_uid == fresh_.st_uid;
    if (::geteuid() != 0) {
        return ours || (there.st_uid == root_.st_uid && (there.st_mode & S_IWOTH) == 0);
    }
    if (!has_owners_) {
        return ours;
    }
    if (ours && marked && (there.st_mode & (S_IRWXG | S_IRWXO)) == 0) {
        return true;  // root's, as its mark, and nobody else could go into it since it was made
    }
    return there.st_uid == lower.st_uid && (there.st_mode & kOthersWrite & ~lower.st_mode) == 0;
}

Result<void> OutputTree::reuse_folder(const std::string& name, const struct stat& lower) {
    base::UniqueFd there(
        ::openat(folder(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!there || ::fstat(there.get(), &status) != 0) {
        return std::unexpected(errno == ENOTDIR || errno == ELOOP
                                   ? existing_error(name)
                                   : file_error("opening the folder that is there", errno));
    }
    const bool marked = has_mark(there.get(), status.st_uid, lower.st_uid);
    if (!may_reuse(status, lower, marked)) {
        return std::unexpected(foreign_folder(
            name, ::geteuid() == 0 ? words_as_root(status, lower) : words_as_user(status, root_)));
    }
    const bool is_ours = marked && (::geteuid() == 0 || status.st_uid == fresh_.st_uid);
    Level level{.name = name, .is_ours = is_ours, .closed_mode = {}, .before = {}};
    // One's own may be closed to writing; it is again when we leave it.
    if (::geteuid() != 0 && !marked && (status.st_mode & S_IRWXU) != S_IRWXU &&
        ::fchmod(there.get(), (status.st_mode & 07777U) | S_IRWXU) == 0) {
        level.closed_mode = status.st_mode & 07777U;
    }
    level.before = list_folder(there.get());
    push(std::move(there), std::move(level));
    return {};
}

void OutputTree::leave_folder(int lower, const struct stat& status, bool complete,
                              LostAttributes& lost) {
    chain_.reach_parent();  // before it may become one that cannot be searched
    const auto& level = levels_.back();
    if (level.is_ours && complete && folder() >= 0) {
        AttributeCopy copy(lower, status, folder(), lost);
        copy.give_owner();
        copy.give_attributes();
        ::unlinkat(folder(), kUnfinishedName, 0);
        copy.give_mode();
        copy.give_times();
    } else if (level.closed_mode && folder() >= 0) {
        ::fchmod(folder(), *level.closed_mode);
    }
    chain_.pop();
    levels_.pop_back();
}

}  // namespace ecryptfs::cli
