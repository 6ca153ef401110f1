// SPDX-License-Identifier: Apache-2.0

#include "fuse/filesystem.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

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

// Other programs have descriptors, too, and open files need some.
std::size_t most_descriptors() {
    constexpr std::size_t kMost = 4096;
    constexpr std::size_t kLeast = 16;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return kLeast;
    }
    return std::clamp(static_cast<std::size_t>(limit.rlim_cur / 4), kLeast, kMost);
}

// What the kernel does for who is not above the rule that writing takes away set-user-ID bits
// (capabilities(7)). chown() does so for everybody.
Outcome<void> drop_privileges(const base::UniqueFd& fd) {
    struct stat status{};
    TRY(checked(::fstat(fd.get(), &status)));
    mode_t dropped = S_ISUID;
    if ((status.st_mode & S_IXGRP) != 0) {
        dropped |= S_ISGID;
    }
    return (status.st_mode & dropped) == 0
               ? Outcome<void>()
               : checked(::fchmod(fd.get(), status.st_mode & 07777 & ~dropped));
}

constexpr int kQuietly = O_RDONLY | O_NONBLOCK | O_NOCTTY;

// Reading a header is not reading the file. Only its owner may say so.
template <typename Open>
auto open_quietly(Open open) {
    auto opened = open(kQuietly | O_NOATIME);
    return !opened && opened.error() == EPERM ? open(kQuietly) : std::move(opened);
}

Outcome<base::UniqueFd> open_entry(const base::UniqueFd& folder, const std::string& name,
                                   int flags) {
    base::UniqueFd fd(::openat(folder.get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) {
        return failed_call();
    }
    return fd;
}

// Larger writes of a slow lower file system are not for the thread that reads requests.
constexpr std::size_t kQuickSize = std::size_t{64} << 10;
constexpr auto kQuickWrite = std::chrono::milliseconds(2);
constexpr auto kQuickSync = std::chrono::microseconds(50);

}  // namespace

Filesystem::Filesystem(base::UniqueFd root, MountKeys& keys, const mount::FolderOptions& options)
    : nodes_(std::move(root), most_descriptors()),
      keys_(keys),
      options_(options),
      keeps_privileges_(has_capability(CAP_FSETID)),
      passes_modes_(has_capability(CAP_DAC_OVERRIDE)),
      writing_(true, kQuickWrite),
      syncing_(false, kQuickSync) {}

template <typename Make>
Outcome<int> Filesystem::make_as(const std::optional<Requester>& requester, Make make) {
    const ActingAs acting(serves_others_ ? requester : std::nullopt);
    TRY(acting.outcome());
    const int made = make();
    return made < 0 ? failed_call() : Outcome<int>(made);
}

Outcome<Filesystem::NodePointer> Filesystem::node(NodeId id) {
    auto found = nodes_.find(id);
    if (!found) {
        return std::unexpected(ESTALE);
    }
    return found;
}

Outcome<Filesystem::LowerPlace> Filesystem::place(NodeId folder, std::string_view plain) {
    auto parent = TRY(node(folder));
    if (keys_.encrypts_names() && plain.size() > kLongestPlainName) {
        return std::unexpected(ENAMETOOLONG);
    }
    auto lower = TRY(to_outcome(keys_.encrypt_name(plain)));
    auto way = TRY(nodes_.descriptor(*parent));
    return LowerPlace{std::move(parent), std::move(way), std::move(lower)};
}

Outcome<FoundNode> Filesystem::look_up(NodeId folder, std::string_view name) {
    const auto there = TRY(place(folder, name));
    return find_made(there);
}

Outcome<FoundNode> Filesystem::find_made(const LowerPlace& place) {
    struct stat status{};
    TRY(checked(::fstatat(place.way->get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW)));
    const auto found = nodes_.add(Identity::of_status(status), place.folder, place.name);
    Outcome<void> done;
    if (found->is_file()) {
        const auto size = plain_size(*found, status, &place);
        status.st_size = static_cast<off_t>(size.value_or(0));
        done = size ? Outcome<void>() : std::unexpected(size.error());
    } else if (S_ISLNK(status.st_mode)) {
        const auto target = read_target(place.way->get(), place.name.c_str());
        status.st_size = target ? static_cast<off_t>(target->size()) : 0;
        done = target ? Outcome<void>() : std::unexpected(target.error());
    }
    if (!done) {
        nodes_.forget(found->id(), 1);
        return std::unexpected(done.error());
    }
    return FoundNode{found->id(), status};
}

Outcome<struct stat> Filesystem::status(NodeId id) {
    const auto there = TRY(node(id));
    if (!there->is_file()) {
        return complete_status(*there);
    }
    const auto lock = TRY(lock_or_give_up(there->mutex));
    return complete_status(*there);
}

// Sizes are the plain ones. While a file is locked.
Outcome<struct stat> Filesystem::complete_status(Node& node) {
    struct stat status{};
    if (node.lower) {
        TRY(checked(::fstat(node.lower->fd.get(), &status)));
    } else {
        status = TRY(nodes_.status(node));
    }
    if (node.contents) {
        status.st_size = static_cast<off_t>(node.contents->size());
    } else if (node.is_file()) {
        const auto size = TRY(read_size(node, status, nullptr));
        status.st_size = static_cast<off_t>(size);
    } else if (S_ISLNK(status.st_mode)) {
        const auto way = TRY(nodes_.descriptor(node));
        const auto target = TRY(read_target(way->get(), ""));
        status.st_size = static_cast<off_t>(target.size());
    }
    return status;
}

Outcome<std::uint64_t> Filesystem::plain_size(Node& node, const struct stat& status,
                                              const LowerPlace* place) {
    const auto lock = TRY(lock_or_give_up(node.mutex));
    return node.contents ? Outcome<std::uint64_t>(node.contents->size())
                         : read_size(node, status, place);
}

Outcome<base::UniqueFd> Filesystem::open_node(Node& node, int flags) {
    auto opened = TRY(nodes_.open(node, flags));
    return std::move(opened.fd);
}

// The header tells the size to who has no key, too. It is read again when the file has changed.
Outcome<std::uint64_t> Filesystem::read_size(Node& node, const struct stat& status,
                                             const LowerPlace* place) {
    const auto& known = node.known_size;
    if (known && is_same(known->changed_at, status.st_ctim) &&
        known->lower_size == status.st_size) {
        return known->plain_size;
    }
    if (node.lower) {
        return read_plain_size(node.lower->fd, status);
    }
    auto fd = open_quietly([&](int flags) {
        return place != nullptr ? open_entry(*place->way, place->name, flags)
                                : open_node(node, flags);
    });
    auto read = status;
    if (!fd && fd.error() == EACCES) {
        fd = open_own(node, place, kQuietly | O_NOATIME, S_IRUSR);
        if (!fd) {
            return 0;  // who may not read it still sees that it is there
        }
        TRY(checked(::fstat(fd->get(), &read)));  // or it would be opened so each time
    }
    if (!fd) {
        return std::unexpected(fd.error());
    }
    const auto size = TRY(read_plain_size(*fd, read));
    node.known_size = KnownSize{read.st_ctim, read.st_size, size};
    return size;
}

// A file of this process's user that its mode keeps closed. Its size and key are for the mount.
Outcome<base::UniqueFd> Filesystem::open_own(Node& node, const LowerPlace* place, int flags,
                                             mode_t rights) {
    if (options_.read_only) {
        return std::unexpected(EACCES);
    }
    if (place != nullptr) {
        const auto way = TRY(open_entry(*place->way, place->name, O_PATH));
        return open_against_mode(way, flags, rights);
    }
    const auto way = TRY(nodes_.descriptor(node));
    return open_against_mode(*way, flags, rights);
}

Outcome<std::string> Filesystem::read_target(int folder, const char* name) {
    std::array<char, PATH_MAX> lower;
    const auto size = ::readlinkat(folder, name, lower.data(), lower.size());
    if (size < 0) {
        return failed_call();
    }
    auto plain = keys_.decrypt_name(std::string(lower.data(), static_cast<std::size_t>(size)));
    if (!plain) {
        return std::unexpected(EIO);
    }
    return std::move(*plain);
}

Outcome<std::string> Filesystem::read_link(NodeId id) {
    const auto there = TRY(node(id));
    const auto way = TRY(nodes_.descriptor(*there));
    return read_target(way->get(), "");
}

Outcome<struct stat> Filesystem::change(NodeId id, const AttributeChange& change) {
    const auto there = TRY(node(id));
    std::unique_lock<std::mutex> lock;
    if (there->is_file()) {
        lock = TRY(lock_or_give_up(there->mutex));
    }
    if (!there->lower) {
        TRY(nodes_.descriptor(*there));  // before anything has changed
    }
    if (change.size) {
        TRY(change_size(*there, *change.size, change.drops_privileges));
    }
    TRY(change_locked(*there, change));
    return complete_status(*there);
}

Outcome<void> Filesystem::change_locked(Node& node, const AttributeChange& change) {
    Descriptor way;
    if (!node.lower) {
        way = TRY(nodes_.descriptor(node));
    }
    const auto& fd = node.lower ? node.lower->fd : *way;
    const auto path = path_of_descriptor(fd);
    if (change.user || change.group) {
        TRY(checked(::fchownat(fd.get(), "", change.user.value_or(-1U), change.group.value_or(-1U),
                               AT_EMPTY_PATH)));
    }
    if (change.mode) {
        TRY(checked(::chmod(path.c_str(), *change.mode & 07777)));
    }
    if (change.accessed_at || change.modified_at) {
        const std::array times{time_or_omitted(change.accessed_at),
                               time_or_omitted(change.modified_at)};
        TRY(checked(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0)));
    }
    return {};
}

Outcome<void> Filesystem::change_size(Node& node, std::uint64_t size, bool drops_privileges) {
    ++node.opens;
    auto done = load_contents(node, true);
    if (done && !may_wait() && size > node.contents->size() + FileContents::kQuickGrowth) {
        done = std::unexpected(kWouldWait);
    }
    if (done && drops_privileges && keeps_privileges_) {
        done = fuse::drop_privileges(node.lower->fd);
    }
    if (done) {
        done = node.contents->resize(size);
    }
    close_locked(node);
    return done;
}

Outcome<struct statvfs> Filesystem::statistics(NodeId id) {
    const auto there = TRY(node(id));
    const auto way = TRY(nodes_.descriptor(*there));
    struct statvfs statistics{};
    TRY(checked(::fstatvfs(way->get(), &statistics)));
    if (keys_.encrypts_names()) {
        statistics.f_namemax = kLongestPlainName;
    }
    return statistics;
}

Outcome<FoundNode> Filesystem::make_link(NodeId folder, std::string_view name,
                                         std::string_view target,
                                         const std::optional<Requester>& requester) {
    const auto there = TRY(place(folder, name));
    const auto lower = TRY(to_outcome(keys_.encrypt_name(target)));
    TRY(make_as(requester,
                [&] { return ::symlinkat(lower.c_str(), there.way->get(), there.name.c_str()); }));
    return find_made(there);
}

Outcome<FoundNode> Filesystem::make_hard_link(NodeId id, NodeId folder, std::string_view name) {
    const auto linked = TRY(node(id));
    const auto way = TRY(nodes_.descriptor(*linked));
    const auto there = TRY(place(folder, name));
    TRY(lock_or_give_up(linked->mutex));  // or it would be busy when the link is there
    TRY(checked(::linkat(AT_FDCWD, path_of_descriptor(*way).c_str(), there.way->get(),
                         there.name.c_str(), AT_SYMLINK_FOLLOW)));
    const WithWaiting to_the_end;
    return find_made(there);
}

Outcome<FoundNode> Filesystem::make_folder(NodeId folder, std::string_view name, mode_t mode,
                                           const std::optional<Requester>& requester) {
    const auto there = TRY(place(folder, name));
    TRY(make_as(requester, [&] { return ::mkdirat(there.way->get(), there.name.c_str(), mode); }));
    return find_made(there);
}

Outcome<FoundNode> Filesystem::make_special(NodeId folder, std::string_view name, mode_t mode,
                                            dev_t device,
                                            const std::optional<Requester>& requester) {
    if (S_ISREG(mode)) {
        auto made = create(folder, name, mode, O_RDWR | O_EXCL, requester);
        if (made) {
            const WithWaiting to_the_end;
            TRY(close(made->id));
        }
        return made;
    }
    const auto there = TRY(place(folder, name));
    TRY(make_as(requester,
                [&] { return ::mknodat(there.way->get(), there.name.c_str(), mode, device); }));
    return find_made(there);
}

// What is open, or somebody's current folder, goes on without a name.
Outcome<void> Filesystem::hold_before_removal(const LowerPlace& place) {
    struct stat status{};
    if (::fstatat(place.way->get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return {};  // removing it says why
    }
    return nodes_.hold(*place.folder, place.name, Identity::of_status(status));
}

Outcome<void> Filesystem::remove(NodeId folder, std::string_view name, bool is_folder) {
    const auto there = TRY(place(folder, name));
    TRY(hold_before_removal(there));
    return checked(::unlinkat(there.way->get(), there.name.c_str(), is_folder ? AT_REMOVEDIR : 0));
}

Outcome<void> Filesystem::rename(NodeId folder, std::string_view name, NodeId new_folder,
                                 std::string_view new_name, unsigned flags) {
    const auto from = TRY(place(folder, name));
    const auto to = TRY(place(new_folder, new_name));
    const bool exchanges = (flags & RENAME_EXCHANGE) != 0;
    if (!exchanges) {
        TRY(hold_before_removal(to));
    }
    const auto lock = TRY(lock_or_give_up(nodes_.places()));
    struct stat moved{};
    struct stat other{};
    ::fstatat(from.way->get(), from.name.c_str(), &moved, AT_SYMLINK_NOFOLLOW);
    ::fstatat(to.way->get(), to.name.c_str(), &other, AT_SYMLINK_NOFOLLOW);
    TRY(checked(
        ::renameat2(from.way->get(), from.name.c_str(), to.way->get(), to.name.c_str(), flags)));
    nodes_.set_place(Identity::of_status(moved), to.folder, to.name);
    if (exchanges) {
        nodes_.set_place(Identity::of_status(other), from.folder, from.name);
    }
    return {};
}

Outcome<FolderStream> Filesystem::open_folder(NodeId folder) {
    if (keys_.names_are_locked()) {
        return std::unexpected(ENOKEY);  // it would seem to be empty
    }
    const auto there = TRY(node(folder));
    auto opened = TRY(nodes_.open(*there, O_RDONLY | O_DIRECTORY));
    return FolderStream(std::move(opened.fd));
}

Outcome<std::optional<FolderEntry>> Filesystem::entry_at(FolderStream& folder, off_t offset) {
    for (;;) {
        const auto entry = TRY(folder.at(offset));
        if (!entry) {
            return std::nullopt;
        }
        std::string lower(entry->name);
        if (is_dots(lower)) {
            return FolderEntry{std::move(lower), entry->inode, entry->type, entry->next};
        }
        if (auto plain = keys_.decrypt_name(lower); plain && can_be_listed(*plain)) {
            return FolderEntry{std::move(*plain), entry->inode, entry->type, entry->next};
        }
        offset = entry->next;
    }
}

Outcome<void> Filesystem::sync_folder(NodeId id) {
    if (!may_wait()) {
        return std::unexpected(kWouldWait);
    }
    const auto there = TRY(node(id));
    const auto opened = TRY(nodes_.open(*there, O_RDONLY | O_DIRECTORY));
    return checked(::fsync(opened.fd.get()));
}

// A crash on the way leaves an empty lower file, which is an empty file.
Outcome<FoundNode> Filesystem::create(NodeId folder, std::string_view name, mode_t mode, int flags,
                                      const std::optional<Requester>& requester) {
    const auto there = TRY(place(folder, name));
    const auto locks = keys_.lock_count();
    const auto fresh = TRY(keys_.make_file());
    auto lower = std::make_shared<OpenLower>();
    const auto opened = make_as(requester, [&] {
        return ::openat(there.way->get(), there.name.c_str(),
                        O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    });
    if (!opened) {
        return opened.error() == EEXIST && (flags & O_EXCL) == 0 ? open_existing(there, flags)
                                                                 : std::unexpected(opened.error());
    }
    lower->fd.reset(*opened);
    lower->can_write = true;
    auto contents = write_new_file(*lower, fresh, options_.xattr);
    struct stat status{};
    if (!contents || ::fstat(lower->fd.get(), &status) != 0) {
        const int error = contents ? errno : contents.error();
        ::unlinkat(there.way->get(), there.name.c_str(), 0);
        return std::unexpected(error);
    }
    lower->status = status;
    status.st_size = 0;
    const auto made = nodes_.add(Identity::of_status(status), there.folder, there.name);
    const std::scoped_lock lock(made->mutex);  // nobody else knows it
    made->known_size.reset();
    made->lower = std::move(lower);
    if (locks == keys_.lock_count()) {  // else drop_contents() may have been here already
        made->contents = std::make_unique<FileContents>(std::move(*contents));
    }
    ++made->opens;
    made->may_have_pages = true;
    return FoundNode{made->id(), status};
}

// It was not there when the kernel looked, so that the kernel has not asked whether it may be
// opened.
Outcome<FoundNode> Filesystem::open_existing(const LowerPlace& place, int flags) {
    if (serves_others_) {
        return std::unexpected(ESTALE);
    }
    auto existing = TRY(find_made(place));
    if (const auto opened = open(existing.id, flags); !opened) {
        nodes_.forget(existing.id, 1);
        return std::unexpected(opened.error());
    }
    return existing;
}

Outcome<OpenedFile> Filesystem::open(NodeId id, int flags) {
    const auto there = TRY(node(id));
    const auto lock = TRY(lock_or_give_up(there->mutex));
    const bool for_writing = (flags & O_ACCMODE) != O_RDONLY;
    ++there->opens;
    const auto known = there->known_size;
    if (const auto loaded = load_contents(*there, for_writing); !loaded) {
        close_locked(*there);
        return std::unexpected(loaded.error());
    }
    if (const auto allowed = check_mode(*there, flags); !allowed) {
        close_locked(*there);
        return std::unexpected(allowed.error());
    }
    const auto& status = there->lower->status;
    const bool is_unchanged =
        known && is_same(known->changed_at, status.st_ctim) && known->lower_size == status.st_size;
    return OpenedFile{is_unchanged || there->opens > 1};
}

// Opens the lower file once for all who have it open, for writing as well if that may be. While it
// is locked.
Outcome<void> Filesystem::load_contents(Node& node, bool for_writing) {
    if (!node.lower || (for_writing && !node.lower->can_write)) {
        auto lower = std::make_shared<OpenLower>();
        const bool read_only = options_.read_only && !for_writing;
        auto opened = read_only ? std::unexpected(EROFS) : nodes_.open(node, O_RDWR | O_NONBLOCK);
        lower->can_write = opened.has_value() || for_writing;
        if (!opened && !for_writing) {
            opened = nodes_.open(node, O_RDONLY | O_NONBLOCK);
        }
        if (!opened && opened.error() == EACCES) {
            opened = open_own_lower(node, for_writing);
        }
        if (!opened) {
            return std::unexpected(opened.error());
        }
        lower->fd = std::move(opened->fd);
        lower->status = opened->status;
        node.contents.reset();
        node.lower = std::move(lower);
    }
    TRY(contents(node));
    return {};
}

// Writing takes reading, too: extents that are changed in part, and the key. So who may write a
// file of this process's user has it opened for both, whether or not its mode lets it be read.
Outcome<FreshDescriptor> Filesystem::open_own_lower(Node& node, bool for_writing) {
    const int flags = (for_writing ? O_RDWR : O_RDONLY) | O_NONBLOCK;
    mode_t rights = for_writing ? S_IRUSR : 0;
    if (kernel_checks_modes_) {  // and has let somebody in by another right
        rights = for_writing ? S_IRUSR | S_IWUSR : S_IRUSR;
    }
    FreshDescriptor own;
    own.fd = TRY(open_own(node, nullptr, flags, rights));
    TRY(checked(::fstat(own.fd.get(), &own.status)));
    return own;
}

// Of a file of this process's user, which is open for others of its programs perhaps, and for more
// than this one may do.
Outcome<void> Filesystem::check_mode(const Node& node, int flags) const {
    if (kernel_checks_modes_ || passes_modes_) {
        return {};
    }
    struct stat status{};
    TRY(checked(::fstat(node.lower->fd.get(), &status)));
    const int way = flags & O_ACCMODE;
    const mode_t needed =
        (way != O_WRONLY ? S_IRUSR : mode_t{0}) | (way != O_RDONLY ? S_IWUSR : mode_t{0});
    const bool is_allowed = status.st_uid != ::geteuid() || (status.st_mode & needed) == needed;
    return is_allowed ? Outcome<void>() : std::unexpected(EACCES);
}

// Of an open file. Its key is looked for again if it was dropped. While it is locked.
Outcome<FileContents*> Filesystem::contents(Node& node) {
    if (!node.lower) {
        return std::unexpected(EBADF);
    }
    if (!node.contents) {
        auto opened = TRY(open_contents(*node.lower, keys_, options_.xattr));
        node.contents = std::make_unique<FileContents>(std::move(opened));
        node.may_have_pages = true;
    }
    return node.contents.get();
}

Outcome<void> Filesystem::close(NodeId id) {
    if (const auto node = nodes_.find(id)) {
        const auto lock = TRY(lock_or_give_up(node->mutex));
        close_locked(*node);
    }
    return {};
}

void Filesystem::close_locked(Node& node) {
    if (node.opens == 0 || --node.opens != 0) {
        return;
    }
    if (node.contents) {
        auto status = node.lower->status;
        const bool is_known =
            !node.contents->was_written() || ::fstat(node.lower->fd.get(), &status) == 0;
        node.known_size.reset();
        if (is_known) {
            node.known_size = KnownSize{status.st_ctim, status.st_size, node.contents->size()};
        }
    }
    node.contents.reset();
    node.lower.reset();
}

Outcome<base::ByteView> Filesystem::read(NodeId id, std::uint64_t offset, std::size_t size) {
    const auto there = TRY(node(id));
    const auto lock = TRY(lock_or_give_up(there->mutex));
    auto* const open_file = TRY(contents(*there));
    return open_file->read(offset, size);
}

Outcome<void> Filesystem::write(NodeId id, std::uint64_t offset, base::ByteView bytes,
                                bool drops_privileges) {
    const auto there = TRY(node(id));
    const auto lock = TRY(lock_or_give_up(there->mutex));
    auto* const open_file = TRY(contents(*there));
    const bool is_large = bytes.size() > kQuickSize;
    // Whatever the pace: a signal ends it, and somebody has to read that there is one.
    const bool grows = offset > open_file->size() + FileContents::kQuickGrowth;
    if (!may_wait() && (grows || (is_large && !writing_.is_quick()))) {
        return std::unexpected(kWouldWait);
    }
    if (drops_privileges && keeps_privileges_) {
        TRY(fuse::drop_privileges(there->lower->fd));
    }
    return is_large && !grows ? writing_.time([&] { return open_file->write(offset, bytes); })
                              : open_file->write(offset, bytes);
}

Outcome<void> Filesystem::sync(NodeId id, bool only_data) {
    if (!may_wait() && !syncing_.is_quick()) {
        return std::unexpected(kWouldWait);
    }
    const auto there = TRY(node(id));
    std::shared_ptr<OpenLower> lower;
    {
        const auto lock = TRY(lock_or_give_up(there->mutex));
        lower = there->lower;
    }
    if (!lower) {
        return std::unexpected(EBADF);
    }
    const int fd = lower->fd.get();  // others go on with the file meanwhile
    return syncing_.time([&] { return checked(only_data ? ::fdatasync(fd) : ::fsync(fd)); });
}

std::vector<NodeId> Filesystem::drop_contents() {
    std::vector<NodeId> with_pages;
    for (const auto& node : nodes_.all()) {
        const std::scoped_lock lock(node->mutex);
        if (node->lower) {
            // As it is when its contents are loaded again.
            ::fstat(node->lower->fd.get(), &node->lower->status);
        }
        node->contents.reset();
        if (std::exchange(node->may_have_pages, false)) {
            with_pages.push_back(node->id());
        }
    }
    return with_pages;
}

// A way for system calls about attributes: the lower file if it is open, or a descriptor of the
// node that only leads to it.
Outcome<Filesystem::AttributeWay> Filesystem::attribute_way(Node& node) {
    AttributeWay way;
    if (node.is_file()) {
        const auto lock = TRY(lock_or_give_up(node.mutex));
        way.lower = node.lower;
    }
    if (!way.lower) {
        way.descriptor = TRY(nodes_.descriptor(node));
        way.path = path_of_descriptor(*way.descriptor);
    }
    return way;
}

Outcome<std::size_t> Filesystem::get_attribute(NodeId id, const char* name, base::ByteSpan value) {
    const auto there = TRY(node(id));
    if (is_header(name)) {
        return std::unexpected(ENODATA);
    }
    const auto way = TRY(attribute_way(*there));
    const auto size = way.lower ? ::fgetxattr(way.lower->fd.get(), name, value.data(), value.size())
                                : ::getxattr(way.path.c_str(), name, value.data(), value.size());
    if (size < 0) {
        return failed_call();
    }
    return static_cast<std::size_t>(size);
}

Outcome<std::vector<char>> Filesystem::list_attributes(NodeId id) {
    const auto there = TRY(node(id));
    const auto way = TRY(attribute_way(*there));
    std::vector<char> names(XATTR_LIST_MAX);
    const auto size = way.lower ? ::flistxattr(way.lower->fd.get(), names.data(), names.size())
                                : ::listxattr(way.path.c_str(), names.data(), names.size());
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
    const auto there = TRY(node(id));
    if (is_header(name)) {
        return std::unexpected(EPERM);
    }
    const auto way = TRY(attribute_way(*there));
    return checked(way.lower
                       ? ::fsetxattr(way.lower->fd.get(), name, value.data(), value.size(), flags)
                       : ::setxattr(way.path.c_str(), name, value.data(), value.size(), flags));
}

Outcome<void> Filesystem::remove_attribute(NodeId id, const char* name) {
    const auto there = TRY(node(id));
    if (is_header(name)) {
        return std::unexpected(ENODATA);
    }
    const auto way = TRY(attribute_way(*there));
    return checked(way.lower ? ::fremovexattr(way.lower->fd.get(), name)
                             : ::removexattr(way.path.c_str(), name));
}

}  // namespace ecryptfs::fuse
