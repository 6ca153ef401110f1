// SPDX-License-Identifier: Apache-2.0

#include "fuse/filesystem.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "fuse/lower_files.h"
#include "lib/base/try.h"
#include "lib/lower/encrypted_name.h"

namespace ecryptfs::fuse {
namespace {

// Names of lower files have 255 bytes at most (crypto.c: ecryptfs_set_f_namelen, of whole blocks).
constexpr unsigned long kLongestPlainName = 143;

Outcome<void> checked(int result) {
    if (result != 0) {
        return failed_call();
    }
    return {};
}

bool is_file(const struct stat& status) {
    return S_ISREG(status.st_mode);
}

bool is_dots(std::string_view name) {
    return name == "." || name == "..";
}

// Whoever encrypted the name may have meant to lead programs out of the folder.
bool can_be_listed(std::string_view plain) {
    return plain.find('/') == std::string_view::npos && !is_dots(plain);
}

bool is_same(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool is_header(const char* attribute) {
    return std::string_view(attribute) == lower::kHeaderAttribute;
}

timespec time_or_omitted(const std::optional<timespec>& time) {
    return time.value_or(timespec{0, UTIME_OMIT});
}

}  // namespace

Outcome<Node*> Filesystem::node(NodeId id) {
    auto* const found = nodes_.find(id);
    if (found == nullptr) {
        return std::unexpected(ESTALE);
    }
    return found;
}

Outcome<Filesystem::LowerPlace> Filesystem::place(NodeId folder, std::string_view plain) {
    auto* const parent = TRY(node(folder));
    if (keys_.encrypts_names() && plain.size() > kLongestPlainName) {
        return std::unexpected(ENAMETOOLONG);
    }
    auto lower = TRY(to_outcome(keys_.encrypt_name(plain)));
    return LowerPlace{parent, std::move(lower)};
}

Outcome<FoundNode> Filesystem::look_up(NodeId folder, std::string_view name) {
    const auto there = TRY(place(folder, name));
    return find_made(there);
}

Outcome<FoundNode> Filesystem::find_made(const LowerPlace& place) {
    base::UniqueFd fd(
        ::openat(place.folder->fd.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
        return failed_call();
    }
    auto* const made = TRY(nodes_.add(std::move(fd)));
    auto status = found(*made);
    if (!status) {
        nodes_.forget(made->id, 1);
    }
    return status;
}

Outcome<FoundNode> Filesystem::found(Node& node) {
    auto status = TRY(node.status());
    TRY(complete_status(node, status));
    return FoundNode{node.id, status};
}

Outcome<struct stat> Filesystem::status(NodeId id) {
    auto* const there = TRY(node(id));
    auto status = TRY(there->status());
    TRY(complete_status(*there, status));
    return status;
}

// Sizes are the plain ones.
Outcome<void> Filesystem::complete_status(Node& node, struct stat& status) {
    if (is_file(status)) {
        const auto size = TRY(plain_size(node, status));
        status.st_size = static_cast<off_t>(size);
    } else if (S_ISLNK(status.st_mode)) {
        const auto target = TRY(link_target(node));
        status.st_size = static_cast<off_t>(target.size());
    }
    return {};
}

// The header tells the size to who has no key, too. It is read again when the file has changed.
Outcome<std::uint64_t> Filesystem::plain_size(Node& node, const struct stat& status) {
    if (node.contents) {
        return node.contents->size();
    }
    const auto& known = node.known_size;
    if (known && is_same(known->changed_at, status.st_ctim) &&
        known->lower_size == status.st_size) {
        return known->plain_size;
    }
    const auto size = TRY(read_plain_size(node, status));
    node.known_size = KnownSize{status.st_ctim, status.st_size, size};
    return size;
}

Outcome<std::string> Filesystem::link_target(const Node& node) {
    std::string lower(PATH_MAX, '\0');
    const auto size = ::readlinkat(node.fd.get(), "", lower.data(), lower.size());
    if (size < 0) {
        return failed_call();
    }
    lower.resize(static_cast<std::size_t>(size));
    auto plain = keys_.decrypt_name(lower);
    if (!plain) {
        return std::unexpected(EIO);
    }
    return std::move(*plain);
}

Outcome<std::string> Filesystem::read_link(NodeId id) {
    const auto* const there = TRY(node(id));
    return link_target(*there);
}

Outcome<struct stat> Filesystem::change(NodeId id, const AttributeChange& change) {
    auto* const there = TRY(node(id));
    if (change.size) {
        TRY(change_size(*there, *change.size));
    }
    if (change.user || change.group) {
        TRY(checked(::fchownat(there->fd.get(), "", change.user.value_or(-1U),
                               change.group.value_or(-1U), AT_EMPTY_PATH)));
    }
    if (change.mode) {
        TRY(checked(::chmod(there->path().c_str(), *change.mode & 07777)));
    }
    if (change.accessed_at || change.modified_at) {
        const std::array times{time_or_omitted(change.accessed_at),
                               time_or_omitted(change.modified_at)};
        TRY(checked(::utimensat(AT_FDCWD, there->path().c_str(), times.data(), 0)));
    }
    return status(id);
}

Outcome<void> Filesystem::change_size(Node& node, std::uint64_t size) {
    ++node.opens;
    auto done = load_contents(node, true);
    if (done) {
        done = node.contents->resize(size);
    }
    close(node.id);
    return done;
}

Outcome<struct statvfs> Filesystem::statistics(NodeId id) {
    const auto* const there = TRY(node(id));
    struct statvfs statistics{};
    TRY(checked(::fstatvfs(there->fd.get(), &statistics)));
    if (keys_.encrypts_names()) {
        statistics.f_namemax = kLongestPlainName;
    }
    return statistics;
}

Outcome<FoundNode> Filesystem::make_link(NodeId folder, std::string_view name,
                                         std::string_view target) {
    const auto there = TRY(place(folder, name));
    const auto lower = TRY(to_outcome(keys_.encrypt_name(target)));
    TRY(checked(::symlinkat(lower.c_str(), there.folder->fd.get(), there.name.c_str())));
    return find_made(there);
}

Outcome<FoundNode> Filesystem::make_hard_link(NodeId id, NodeId folder, std::string_view name) {
    const auto* const linked = TRY(node(id));
    const auto there = TRY(place(folder, name));
    TRY(checked(::linkat(AT_FDCWD, linked->path().c_str(), there.folder->fd.get(),
                         there.name.c_str(), AT_SYMLINK_FOLLOW)));
    return find_made(there);
}

Outcome<FoundNode> Filesystem::make_folder(NodeId folder, std::string_view name, mode_t mode) {
    const auto there = TRY(place(folder, name));
    TRY(checked(::mkdirat(there.folder->fd.get(), there.name.c_str(), mode)));
    return find_made(there);
}

Outcome<FoundNode> Filesystem::make_special(NodeId folder, std::string_view name, mode_t mode,
                                            dev_t device) {
    if (S_ISREG(mode)) {
        auto made = create(folder, name, mode, O_RDWR | O_EXCL);
        if (made) {
            close(made->id);
        }
        return made;
    }
    const auto there = TRY(place(folder, name));
    TRY(checked(::mknodat(there.folder->fd.get(), there.name.c_str(), mode, device)));
    return find_made(there);
}

Outcome<void> Filesystem::remove(NodeId folder, std::string_view name, bool is_folder) {
    const auto there = TRY(place(folder, name));
    return checked(
        ::unlinkat(there.folder->fd.get(), there.name.c_str(), is_folder ? AT_REMOVEDIR : 0));
}

Outcome<void> Filesystem::rename(NodeId folder, std::string_view name, NodeId new_folder,
                                 std::string_view new_name, unsigned flags) {
    const auto from = TRY(place(folder, name));
    const auto to = TRY(place(new_folder, new_name));
    return checked(::renameat2(from.folder->fd.get(), from.name.c_str(), to.folder->fd.get(),
                               to.name.c_str(), flags));
}

Outcome<std::vector<FolderEntry>> Filesystem::list(NodeId folder) {
    const auto* const there = TRY(node(folder));
    auto fd = TRY(there->reopen(O_RDONLY | O_DIRECTORY));
    std::vector<FolderEntry> entries;
    TRY(read_folder(std::move(fd), [&](const std::string& lower, ino_t inode, mode_t type) {
        if (is_dots(lower)) {
            entries.push_back({lower, inode, type});
        } else if (auto plain = keys_.decrypt_name(lower); plain && can_be_listed(*plain)) {
            entries.push_back({std::move(*plain), inode, type});
        }
    }));
    return entries;
}

Outcome<void> Filesystem::sync_folder(NodeId id) {
    const auto* const there = TRY(node(id));
    const auto fd = TRY(there->reopen(O_RDONLY | O_DIRECTORY));
    return checked(::fsync(fd.get()));
}

// A crash on the way leaves an empty lower file, which is an empty file.
Outcome<FoundNode> Filesystem::create(NodeId folder, std::string_view name, mode_t mode,
                                      int flags) {
    const auto there = TRY(place(folder, name));
    auto fresh = TRY(to_outcome(keys_.make_file()));
    base::UniqueFd fd(::openat(there.folder->fd.get(), there.name.c_str(),
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) {
        if (errno != EEXIST || (flags & O_EXCL) != 0) {
            return failed_call();
        }
        auto existing = TRY(find_made(there));
        if (const auto opened = open(existing.id, flags); !opened) {
            nodes_.forget(existing.id, 1);
            return std::unexpected(opened.error());
        }
        return existing;
    }
    auto contents = write_new_file(std::move(fd), std::move(fresh), options_.xattr);
    auto made = contents ? find_made(there) : Outcome<FoundNode>(std::unexpected(contents.error()));
    if (!made) {
        ::unlinkat(there.folder->fd.get(), there.name.c_str(), 0);
        return made;
    }
    auto& node = *nodes_.find(made->id);
    node.contents = std::make_unique<FileContents>(std::move(*contents));
    node.can_write = true;
    ++node.opens;
    made->status.st_size = 0;
    return made;
}

Outcome<OpenedFile> Filesystem::open(NodeId id, int flags) {
    auto* const there = TRY(node(id));
    const bool writes = (flags & O_ACCMODE) != O_RDONLY;
    const auto status = TRY(there->status());
    const auto known = there->known_size;
    ++there->opens;
    if (auto loaded = load_contents(*there, writes); !loaded) {
        close(id);
        return std::unexpected(loaded.error());
    }
    const bool is_unchanged =
        known && is_same(known->changed_at, status.st_ctim) && known->lower_size == status.st_size;
    return OpenedFile{is_unchanged || there->opens > 1};
}

// Opens the lower file once for all who have it open, for writing as well if that may be.
Outcome<void> Filesystem::load_contents(Node& node, bool for_writing) {
    if (node.contents && (node.can_write || !for_writing)) {
        return {};
    }
    const bool read_only = options_.read_only && !for_writing;
    auto fd = read_only ? std::unexpected(EROFS) : node.reopen(O_RDWR);
    const bool can_write = fd.has_value();
    if (!fd && !for_writing) {
        fd = node.reopen(O_RDONLY);
    }
    if (!fd) {
        return std::unexpected(fd.error());
    }
    auto contents = TRY(open_contents(std::move(*fd), keys_, options_.xattr, can_write));
    node.contents = std::make_unique<FileContents>(std::move(contents));
    node.can_write = can_write;
    return {};
}

void Filesystem::close(NodeId id) {
    auto* const node = nodes_.find(id);
    if (node == nullptr || node->opens == 0 || --node->opens != 0) {
        return;
    }
    if (node->contents) {
        struct stat status{};
        node->known_size.reset();
        if (::fstat(node->contents->fd(), &status) == 0) {
            node->known_size = KnownSize{status.st_ctim, status.st_size, node->contents->size()};
        }
        node->contents.reset();
    }
    nodes_.drop_if_unused(*node);
}

Outcome<base::ByteView> Filesystem::read(NodeId id, std::uint64_t offset, std::size_t size) {
    auto* const there = TRY(node(id));
    return there->contents ? there->contents->read(offset, size) : std::unexpected(EBADF);
}

Outcome<void> Filesystem::write(NodeId id, std::uint64_t offset, base::ByteView bytes) {
    auto* const there = TRY(node(id));
    return there->contents ? there->contents->write(offset, bytes) : std::unexpected(EBADF);
}

Outcome<void> Filesystem::sync(NodeId id, bool only_data) {
    auto* const there = TRY(node(id));
    if (!there->contents) {
        return std::unexpected(EBADF);
    }
    const int fd = there->contents->fd();
    return checked(only_data ? ::fdatasync(fd) : ::fsync(fd));
}

Outcome<std::size_t> Filesystem::get_attribute(NodeId id, const char* name, base::ByteSpan value) {
    const auto* const there = TRY(node(id));
    if (is_header(name)) {
        return std::unexpected(ENODATA);
    }
    const auto size = ::getxattr(there->path().c_str(), name, value.data(), value.size());
    if (size < 0) {
        return failed_call();
    }
    return static_cast<std::size_t>(size);
}

Outcome<std::vector<char>> Filesystem::list_attributes(NodeId id) {
    const auto* const there = TRY(node(id));
    std::vector<char> names(XATTR_LIST_MAX);
    const auto size = ::listxattr(there->path().c_str(), names.data(), names.size());
    if (size < 0) {
        return failed_call();
    }
    names.resize(static_cast<std::size_t>(size));
    constexpr std::string_view kHidden(lower::kHeaderAttribute, sizeof lower::kHeaderAttribute);
    const auto hidden = std::ranges::search(names, kHidden);
    names.erase(hidden.begin(), hidden.end());
    return names;
}

Outcome<void> Filesystem::set_attribute(NodeId id, const char* name, base::ByteView value,
                                        int flags) {
    const auto* const there = TRY(node(id));
    if (is_header(name)) {
        return std::unexpected(EPERM);
    }
    return checked(::setxattr(there->path().c_str(), name, value.data(), value.size(), flags));
}

Outcome<void> Filesystem::remove_attribute(NodeId id, const char* name) {
    const auto* const there = TRY(node(id));
    if (is_header(name)) {
        return std::unexpected(ENODATA);
    }
    return checked(::removexattr(there->path().c_str(), name));
}

}  // namespace ecryptfs::fuse
