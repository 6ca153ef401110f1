// SPDX-License-Identifier: Apache-2.0

#define FUSE_USE_VERSION 314

#include "fuse/handlers.h"

#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <linux/limits.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "fuse/interruption.h"
#include "fuse/plain_memory.h"
#include "fuse/waiting.h"
#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

// For how long the kernel need not ask again, in seconds: others may change the lower folder.
constexpr double kValidFor = 1.0;

Mounted& mounted(fuse_req_t request) {
    return *static_cast<Mounted*>(::fuse_req_userdata(request));
}

Filesystem& filesystem(fuse_req_t request) {
    return mounted(request).files;
}

// Of the request that this thread serves: what libfuse does not pass on.
struct CurrentRequest {
    bool drops_privileges = false;
    bool must_be_repeated = false;
};
thread_local CurrentRequest current_request;

bool is_request_interrupted(void* request) {
    return ::fuse_req_interrupted(static_cast<fuse_req_t>(request)) != 0;
}

// Does the work of a request, which replies unless it fails. Nothing is thrown into libfuse.
template <typename Work>
void serve_request(fuse_req_t request, Work work) noexcept {
    const Interruptible by_signals(is_request_interrupted, request);
    int error = EIO;
    try {
        const Outcome<void> done = work(filesystem(request));
        if (done) {
            return;
        }
        error = done.error();
        if (error == kWouldWait) {
            current_request.must_be_repeated = true;
            ::fuse_reply_none(request);
            return;
        }
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

void init(void* user, fuse_conn_info* connection) {
    // O_TRUNC below would take away headers. What is encrypted cannot be spliced. Which entries of
    // a folder are looked up with their names is for list_nodes() to say.
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_SPLICE_READ |
                                               FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
                                               FUSE_CAP_READDIRPLUS_AUTO);
    connection->max_write = kMaxWrite;
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
    if ((connection->capable & FUSE_CAP_HANDLE_KILLPRIV_V2) != 0) {
        connection->want |= FUSE_CAP_HANDLE_KILLPRIV_V2;
    }
#endif
    static_cast<Mounted*>(user)->is_initialized = true;
}

void look_up(fuse_req_t request, fuse_ino_t folder, const char* name) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto found = TRY(files.look_up(folder, name));
        mounted(request).habits.note_lookup(::fuse_req_ctx(request)->pid, folder,
                                            S_ISDIR(found.status.st_mode));
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

Requester requester(fuse_req_t request) {
    const auto* const context = ::fuse_req_ctx(request);
    return {context->uid, context->gid};
}

AttributeChange read_change(const struct stat& wanted, int which) {
    const auto has = [&](int flag) { return (which & flag) != 0; };
    AttributeChange change;
    change.drops_privileges = current_request.drops_privileges;
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
        const auto made = TRY(files.make_link(folder, name, target, requester(request)));
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
        const auto made = TRY(files.make_folder(folder, name, mode, requester(request)));
        return reply_found(request, made);
    });
}

void make_special(fuse_req_t request, fuse_ino_t folder, const char* name, mode_t mode,
                  dev_t device) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        const auto made = TRY(files.make_special(folder, name, mode, device, requester(request)));
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

struct OpenFolder {
    explicit OpenFolder(FolderStream stream) : entries(std::move(stream)) {}

    std::mutex mutex;  // of all of it
    FolderStream entries;
    bool gives_nodes = false;
    unsigned files = 0;  // listed since the start
};

OpenFolder& open_folder(const fuse_file_info& file) {
    return *reinterpret_cast<OpenFolder*>(file.fh);
}

void open_folder(fuse_req_t request, fuse_ino_t id, fuse_file_info* file) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        auto stream = TRY(files.open_folder(id));
        auto folder = std::make_unique<OpenFolder>(std::move(stream));
        file->fh = reinterpret_cast<std::uint64_t>(folder.get());
        if (::fuse_reply_open(request, file) == 0) {
            static_cast<void>(folder.release());  // until close_folder()
        }
        return {};
    });
}

// As many entries as `size` bytes have room for, from `offset` on.
template <typename Add>
Outcome<void> list_folder(fuse_req_t request, std::size_t size, off_t offset, OpenFolder& folder,
                          Add add) {
    const auto bytes = plain_memory(PlainUse::kReply, size);
    const std::span buffer(reinterpret_cast<char*>(bytes.data()), bytes.size());
    std::size_t used = 0;
    for (;;) {
        const auto entry = TRY(filesystem(request).entry_at(folder.entries, offset));
        if (!entry) {
            break;
        }
        const std::size_t added = add(*entry, buffer.subspan(used));
        if (added > size - used) {
            break;
        }
        used += added;
        offset = entry->next;
    }
    ::fuse_reply_buf(request, buffer.data(), used);
    return {};
}

std::size_t add_name(fuse_req_t request, const FolderEntry& entry, std::span<char> room) {
    struct stat status{};
    status.st_ino = entry.inode;
    status.st_mode = entry.type;
    return ::fuse_add_direntry(request, room.data(), room.size(), entry.name.c_str(), &status,
                               entry.next);
}

void list_names(fuse_req_t request, fuse_ino_t /*id*/, std::size_t size, off_t offset,
                fuse_file_info* file) {
    serve_request(request, [&](Filesystem& /*files*/) -> Outcome<void> {
        auto& folder = open_folder(*file);
        const auto lock = TRY(lock_or_give_up(folder.mutex));
        return list_folder(request, size, offset, folder,
                           [&](const FolderEntry& entry, std::span<char> room) {
                               return add_name(request, entry, room);
                           });
    });
}

// An entry, looked up if `looks_up`, but for "." and "..". One that fails, as of a file that is
// gone meanwhile, is listed without.
std::size_t add_node(fuse_req_t request, fuse_ino_t id, bool looks_up, const FolderEntry& entry,
                     std::span<char> room) {
    // Where there is no room it need not be looked up.
    const auto needed =
        ::fuse_add_direntry_plus(request, nullptr, 0, entry.name.c_str(), nullptr, 0);
    if (needed > room.size()) {
        return needed;
    }
    fuse_entry_param found{};
    found.attr.st_ino = entry.inode;
    found.attr.st_mode = entry.type;
    if (looks_up && entry.name != "." && entry.name != "..") {
        if (const auto node = filesystem(request).look_up(id, entry.name)) {
            found = make_entry(*node);
        }
    }
    return ::fuse_add_direntry_plus(request, room.data(), room.size(), entry.name.c_str(), &found,
                                    entry.next);
}

void list_nodes(fuse_req_t request, fuse_ino_t id, std::size_t size, off_t offset,
                fuse_file_info* file) {
    serve_request(request, [&](Filesystem& /*files*/) -> Outcome<void> {
        auto& folder = open_folder(*file);
        auto& habits = mounted(request).habits;
        const auto pid = ::fuse_req_ctx(request)->pid;
        const auto lock = TRY(lock_or_give_up(folder.mutex));
        if (offset == 0) {
            folder.gives_nodes = habits.wants_nodes(pid, id);
            folder.files = 0;
        }
        TRY(list_folder(request, size, offset, folder,
                        [&](const FolderEntry& entry, std::span<char> room) {
                            folder.files += S_ISDIR(entry.type) ? 0 : 1;
                            return add_node(request, id, folder.gives_nodes, entry, room);
                        }));
        habits.note_listed(pid, id, folder.files);
        return {};
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
        const auto made = TRY(files.create(folder, name, mode, file->flags, requester(request)));
        const auto entry = make_entry(made);
        if (::fuse_reply_create(request, &entry, file) == -ENOENT) {
            const WithWaiting to_the_end;
            static_cast<void>(files.close(made.id));
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
            const WithWaiting to_the_end;
            static_cast<void>(files.close(id));
        }
        return {};
    });
}

void close_file(fuse_req_t request, fuse_ino_t id, fuse_file_info* /*file*/) {
    serve_request(request, [&](Filesystem& files) -> Outcome<void> {
        TRY(files.close(id));
        return reply_done(request);
    });
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
                        base::as_bytes(std::string_view(bytes, size)),
                        current_request.drops_privileges));
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

// Whether a request's writer may not keep set-user-ID bits alive: FUSE_HANDLE_KILLPRIV_V2.
bool drops_privileges(std::span<const char> request) {
    const auto* const bytes = request.data();
    const auto read = [&]<typename T>(T& value, std::size_t offset) {
        if (request.size() < offset + sizeof value) {
            return false;
        }
        std::memcpy(&value, bytes + offset, sizeof value);
        return true;
    };
    fuse_in_header header{};
    fuse_write_in write{};
    fuse_setattr_in change{};
    if (!read(header, 0)) {
        return false;
    }
    if (header.opcode == FUSE_WRITE && read(write, sizeof header)) {
        return (write.write_flags & FUSE_WRITE_KILL_SUIDGID) != 0;
    }
    return header.opcode == FUSE_SETATTR && read(change, sizeof header) &&
           (change.valid & FATTR_KILL_SUIDGID) != 0;
}

}  // namespace

bool serve_raw_request(fuse_session* session, std::span<char> request) {
    current_request = {drops_privileges(request), false};
    fuse_buf buffer{};
    buffer.mem = request.data();
    buffer.size = request.size();
    ::fuse_session_process_buf(session, &buffer);
    return !current_request.must_be_repeated;
}

fuse_lowlevel_ops handlers() {
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

}  // namespace ecryptfs::fuse
