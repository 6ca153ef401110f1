// SPDX-License-Identifier: Apache-2.0

#define FUSE_USE_VERSION 314

#include "fuse/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fuse_lowlevel.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <new>
#include <utility>

#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

using base::ErrorCode;
using base::Result;

// For how long the kernel need not ask again, in seconds: others may change the lower folder.
constexpr double kValidFor = 1.0;

Filesystem& filesystem(fuse_req_t request) {
    return *static_cast<Filesystem*>(::fuse_req_userdata(request));
}

// Does the work of a request, which replies unless it fails. Nothing is thrown into libfuse.
template <typename Work>
void serve_request(fuse_req_t request, Work work) noexcept {
    int error = EIO;
    try {
        const Outcome<void> done = work(filesystem(request));
        if (done) {
            return;
        }
        error = done.error();
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
    } catch (const std::exception&) {
        error = EIO;
    }
    ::fuse_reply_err(request, error);
}

fuse_entry_param make_entry(const FoundNode& found) {
    fuse_entry_param entry{};
    entry.ino = found.id;
    entry.generation = 1;
    entry.attr = found.status;
    entry.attr_timeout = kValidFor;
    entry.entry_timeout = kValidFor;
    return entry;
}

// What a request that makes or finds something replies.
Outcome<void> reply_found(fuse_req_t request, const FoundNode& found) {
    const auto entry = make_entry(found);
    if (::fuse_reply_entry(request, &entry) == -ENOENT) {
        filesystem(request).forget(found.id, 1);  // interrupted
    }
    return {};
}

Outcome<void> reply_done(fuse_req_t request) {
    ::fuse_reply_err(request, 0);
    return {};
}

void init(void* /*user*/, fuse_conn_info* connection) {
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_ATOMIC_O_TRUNC);
    connection->max_write = 1U << 20;
}

void look_up(fuse_req_t request, fuse_ino_t folder, const char* name) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto found = TRY(files.look_up(folder, name));
        return reply_found(request, found);
    });
}

void forget(fuse_req_t request, fuse_ino_t id, std::uint64_t lookups) {
    filesystem(request).forget(id, lookups);
    ::fuse_reply_none(request);
}

void forget_several(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; ++i) {
        filesystem(request).forget(forgets[i].ino, forgets[i].nlookup);
    }
    ::fuse_reply_none(request);
}

void get_status(fuse_req_t request, fuse_ino_t id, fuse_file_info* /*file*/) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto status = TRY(files.status(id));
        ::fuse_reply_attr(request, &status, kValidFor);
        return {};
    });
}

AttributeChange read_change(const struct stat& wanted, int which) {
    const auto has = [&](int flag) { return (which & flag) != 0; };
    AttributeChange change;
    if (has(FUSE_SET_ATTR_MODE)) {
        change.mode = wanted.st_mode;
    }
    if (has(FUSE_SET_ATTR_UID)) {
        change.user = wanted.st_uid;
    }
    if (has(FUSE_SET_ATTR_GID)) {
        change.group = wanted.st_gid;
    }
    if (has(FUSE_SET_ATTR_SIZE)) {
        change.size = static_cast<std::uint64_t>(wanted.st_size);
    }
    if (has(FUSE_SET_ATTR_ATIME)) {
        change.accessed_at = has(FUSE_SET_ATTR_ATIME_NOW) ? timespec{0, UTIME_NOW} : wanted.st_atim;
    }
    if (has(FUSE_SET_ATTR_MTIME)) {
        change.modified_at = has(FUSE_SET_ATTR_MTIME_NOW) ? timespec{0, UTIME_NOW} : wanted.st_mtim;
    }
    return change;
}

void set_status(fuse_req_t request, fuse_ino_t id, struct stat* wanted, int which,
                fuse_file_info* /*file*/) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto status = TRY(files.change(id, read_change(*wanted, which)));
        ::fuse_reply_attr(request, &status, kValidFor);
        return {};
    });
}

void get_statistics(fuse_req_t request, fuse_ino_t id) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto statistics = TRY(files.statistics(id));
        ::fuse_reply_statfs(request, &statistics);
        return {};
    });
}

void read_link(fuse_req_t request, fuse_ino_t id) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto target = TRY(files.read_link(id));
        ::fuse_reply_readlink(request, target.c_str());
        return {};
    });
}

void make_link(fuse_req_t request, const char* target, fuse_ino_t folder, const char* name) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto made = TRY(files.make_link(folder, name, target));
        return reply_found(request, made);
    });
}

void make_hard_link(fuse_req_t request, fuse_ino_t id, fuse_ino_t folder, const char* name) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto made = TRY(files.make_hard_link(id, folder, name));
        return reply_found(request, made);
    });
}

void make_folder(fuse_req_t request, fuse_ino_t folder, const char* name, mode_t mode) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto made = TRY(files.make_folder(folder, name, mode));
        return reply_found(request, made);
    });
}

void make_special(fuse_req_t request, fuse_ino_t folder, const char* name, mode_t mode,
                  dev_t device) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto made = TRY(files.make_special(folder, name, mode, device));
        return reply_found(request, made);
    });
}

void remove_file(fuse_req_t request, fuse_ino_t folder, const char* name) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.remove(folder, name, false));
        return reply_done(request);
    });
}

void remove_folder(fuse_req_t request, fuse_ino_t folder, const char* name) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.remove(folder, name, true));
        return reply_done(request);
    });
}

void rename(fuse_req_t request, fuse_ino_t folder, const char* name, fuse_ino_t new_folder,
            const char* new_name, unsigned flags) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.rename(folder, name, new_folder, new_name, flags));
        return reply_done(request);
    });
}

// An open folder is what it held when it was opened, or rewound.
struct OpenFolder {
    std::vector<FolderEntry> entries;
};

OpenFolder& open_folder(const fuse_file_info& file) {
    return *reinterpret_cast<OpenFolder*>(file.fh);
}

void open_folder(fuse_req_t request, fuse_ino_t id, fuse_file_info* file) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        auto folder = std::make_unique<OpenFolder>();
        folder->entries = TRY(files.list(id));
        file->fh = reinterpret_cast<std::uint64_t>(folder.get());
        if (::fuse_reply_open(request, file) == 0) {
            static_cast<void>(folder.release());  // until close_folder()
        }
        return {};
    });
}

// As many entries as `size` bytes have room for, from number `offset` on.
template <typename Add>
void list_folder(fuse_req_t request, std::size_t size, off_t offset, fuse_file_info* file,
                 Add add) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto& entries = open_folder(*file).entries;
        std::vector<char> buffer(size);
        std::size_t used = 0;
        for (auto i = static_cast<std::size_t>(offset); i < entries.size(); ++i) {
            const std::size_t added =
                add(files, entries[i], std::pair(buffer.data() + used, size - used),
                    static_cast<off_t>(i + 1));
            if (added > size - used) {
                break;
            }
            used += added;
        }
        ::fuse_reply_buf(request, buffer.data(), used);
        return {};
    });
}

void list_names(fuse_req_t request, fuse_ino_t /*id*/, std::size_t size, off_t offset,
                fuse_file_info* file) {
    list_folder(request, size, offset, file,
                [&](Filesystem& /*files*/, const FolderEntry& entry, auto room, off_t next) {
                    struct stat status{};
                    status.st_ino = entry.inode;
                    status.st_mode = entry.type;
                    return ::fuse_add_direntry(request, room.first, room.second, entry.name.c_str(),
                                               &status, next);
                });
}

// Each entry is a look-up as well, but for "." and "..". One that fails, as of a file that is gone
// meanwhile, is listed without.
void list_nodes(fuse_req_t request, fuse_ino_t id, std::size_t size, off_t offset,
                fuse_file_info* file) {
    list_folder(request, size, offset, file,
                [&](Filesystem& files, const FolderEntry& entry, auto room, off_t next) {
                    fuse_entry_param found{};
                    found.attr.st_ino = entry.inode;
                    found.attr.st_mode = entry.type;
                    if (entry.name != "." && entry.name != "..") {
                        if (const auto node = files.look_up(id, entry.name)) {
                            found = make_entry(*node);
                        }
                    }
                    const auto added = ::fuse_add_direntry_plus(request, room.first, room.second,
                                                                entry.name.c_str(), &found, next);
                    if (added > room.second && found.ino != 0) {
                        files.forget(found.ino, 1);
                    }
                    return added;
                });
}

void close_folder(fuse_req_t request, fuse_ino_t /*id*/, fuse_file_info* file) {
    delete &open_folder(*file);
    ::fuse_reply_err(request, 0);
}

void sync_folder(fuse_req_t request, fuse_ino_t id, int /*only_data*/, fuse_file_info* /*file*/) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.sync_folder(id));
        return reply_done(request);
    });
}

void create(fuse_req_t request, fuse_ino_t folder, const char* name, mode_t mode,
            fuse_file_info* file) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto made = TRY(files.create(folder, name, mode, file->flags));
        const auto entry = make_entry(made);
        if (::fuse_reply_create(request, &entry, file) == -ENOENT) {
            files.close(made.id);
            files.forget(made.id, 1);
        }
        return {};
    });
}

void open_file(fuse_req_t request, fuse_ino_t id, fuse_file_info* file) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto opened = TRY(files.open(id, file->flags));
        file->keep_cache = opened.keeps_cache ? 1 : 0;
        if (::fuse_reply_open(request, file) == -ENOENT) {
            files.close(id);
        }
        return {};
    });
}

void close_file(fuse_req_t request, fuse_ino_t id, fuse_file_info* /*file*/) {
    filesystem(request).close(id);
    ::fuse_reply_err(request, 0);
}

void read_file(fuse_req_t request, fuse_ino_t id, std::size_t size, off_t offset,
               fuse_file_info* /*file*/) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto bytes = TRY(files.read(id, static_cast<std::uint64_t>(offset), size));
        ::fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    });
}

void write_file(fuse_req_t request, fuse_ino_t id, const char* bytes, std::size_t size,
                off_t offset, fuse_file_info* /*file*/) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.write(id, static_cast<std::uint64_t>(offset),
                        base::as_bytes(std::string_view(bytes, size))));
        ::fuse_reply_write(request, size);
        return {};
    });
}

void sync_file(fuse_req_t request, fuse_ino_t id, int only_data, fuse_file_info* /*file*/) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.sync(id, only_data != 0));
        return reply_done(request);
    });
}

// A caller that gives no room asks for the size.
void reply_attribute(fuse_req_t request, std::span<const char> value, std::size_t room) {
    if (room == 0) {
        ::fuse_reply_xattr(request, value.size());
    } else if (value.size() > room) {
        ::fuse_reply_err(request, ERANGE);
    } else {
        ::fuse_reply_buf(request, value.data(), value.size());
    }
}

void get_attribute(fuse_req_t request, fuse_ino_t id, const char* name, std::size_t room) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        std::vector<std::uint8_t> value(room == 0 ? XATTR_SIZE_MAX : room);
        const auto size = TRY(files.get_attribute(id, name, value));
        reply_attribute(request, {reinterpret_cast<const char*>(value.data()), size}, room);
        return {};
    });
}

void list_attributes(fuse_req_t request, fuse_ino_t id, std::size_t room) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto names = TRY(files.list_attributes(id));
        reply_attribute(request, names, room);
        return {};
    });
}

void set_attribute(fuse_req_t request, fuse_ino_t id, const char* name, const char* value,
                   std::size_t size, int flags) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.set_attribute(id, name, base::as_bytes(std::string_view(value, size)), flags));
        return reply_done(request);
    });
}

void remove_attribute(fuse_req_t request, fuse_ino_t id, const char* name) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.remove_attribute(id, name));
        return reply_done(request);
    });
}

fuse_lowlevel_ops operations() {
    fuse_lowlevel_ops ops{};
    ops.init = init;
    ops.lookup = look_up;
    ops.forget = forget;
    ops.forget_multi = forget_several;
    ops.getattr = get_status;
    ops.setattr = set_status;
    ops.statfs = get_statistics;
    ops.readlink = read_link;
    ops.symlink = make_link;
    ops.link = make_hard_link;
    ops.mkdir = make_folder;
    ops.mknod = make_special;
    ops.unlink = remove_file;
    ops.rmdir = remove_folder;
    ops.rename = rename;
    ops.opendir = open_folder;
    ops.readdir = list_names;
    ops.readdirplus = list_nodes;
    ops.releasedir = close_folder;
    ops.fsyncdir = sync_folder;
    ops.create = create;
    ops.open = open_file;
    ops.release = close_file;
    ops.read = read_file;
    ops.write = write_file;
    ops.fsync = sync_file;
    ops.getxattr = get_attribute;
    ops.listxattr = list_attributes;
    ops.setxattr = set_attribute;
    ops.removexattr = remove_attribute;
    return ops;
}

// libfuse's own copy of the arguments.
class Arguments {
  public:
    explicit Arguments(const std::vector<std::string>& options) {
        add("ecryptfs-fuse");
        for (const auto& option : options) {
            add("-o");
            add(option);
        }
    }
    ~Arguments() { ::fuse_opt_free_args(&arguments_); }
    Arguments(const Arguments&) = delete;
    Arguments& operator=(const Arguments&) = delete;

    fuse_args* get() { return &arguments_; }

  private:
    void add(const std::string& argument) {
        if (::fuse_opt_add_arg(&arguments_, argument.c_str()) != 0) {
            throw std::bad_alloc();
        }
    }

    fuse_args arguments_ = FUSE_ARGS_INIT(0, nullptr);
};

base::Error cannot_mount(const std::filesystem::path& upper) {
    if (::access("/dev/fuse", F_OK) != 0) {
        return {ErrorCode::kNotSupported, "there is no /dev/fuse",
                "load the kernel module: sudo modprobe fuse; in a container, pass the device on: "
                "--device /dev/fuse"};
    }
    if (::geteuid() != 0 && ::access("/usr/bin/fusermount3", X_OK) != 0 &&
        ::access("/bin/fusermount3", X_OK) != 0) {
        return {ErrorCode::kNotSupported, "there is no fusermount3",
                "install it: sudo apt install fuse3"};
    }
    return {ErrorCode::kAccessDenied, fmt::format("FUSE did not mount {}", upper.string()),
            "see what fusermount3 says above"};
}

}  // namespace

void Session::Destroy::operator()(fuse_session* session) const noexcept {
    ::fuse_session_destroy(session);
}

Result<Session> Session::mount(Filesystem& files, const std::filesystem::path& upper,
                               const std::vector<std::string>& options) {
    Arguments arguments(options);
    static const auto ops = operations();
    Session session(::fuse_session_new(arguments.get(), &ops, sizeof ops, &files));
    if (!session.session_) {
        return std::unexpected(base::Error{ErrorCode::kInvalidArgument,
                                           "an option that neither eCryptfs nor FUSE knows",
                                           "see what FUSE says above, and ecryptfs-fuse --help"});
    }
    if (::fuse_session_mount(session.session_.get(), upper.c_str()) != 0) {
        return std::unexpected(cannot_mount(upper));
    }
    return session;
}

Session::~Session() {
    if (session_) {
        ::fuse_session_unmount(session_.get());
    }
}

Result<void> Session::serve() {
    if (::fuse_set_signal_handlers(session_.get()) != 0) {
        return std::unexpected(base::Error{ErrorCode::kInternal, "cannot handle signals"});
    }
    const int ended = ::fuse_session_loop(session_.get());
    ::fuse_remove_signal_handlers(session_.get());
    if (ended < 0) {
        return std::unexpected(base::system_error("reading /dev/fuse", -ended));
    }
    return {};
}

}  // namespace ecryptfs::fuse
