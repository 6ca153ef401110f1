// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into ecryptfsctl: makes of any file system one that lacks what POOR_FILE_SYSTEM lists,
//     names      names with : ? * or a dot at the end (as NTFS: EINVAL; the folder's are exFAT's:
//     ENOENT) case       names that differ in case only links      hard links, but for those that
//     give a file its first name symlinks   symbolic links unnamed    O_TMPFILE and
//     RENAME_NOREPLACE lists      access control lists attributes others of the user's
//     list-reads and attribute-reads   the same, which cannot be read: EIO
// and holds a race's window open: before a name that begins with $BARRIER_NAME is opened for the
// $BARRIER_TIME-th time, the program waits until somebody has opened the FIFO $BARRIER for writing,
// and has closed it.

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SHIM __attribute__((visibility("default")))

static int lacks(const char* what) {
    const char* list = getenv("POOR_FILE_SYSTEM");
    return list != NULL && strstr(list, what) != NULL;
}

static int is_refused(const char* name) {
    const size_t size = strlen(name);
    return lacks("names") && strchr(name, '/') == NULL &&
           (strpbrk(name, ":?*") != NULL || (size > 2 && name[size - 1] == '.'));
}

// The name of an entry that differs in case only, or the name itself.
static const char* stored_name(int folder, const char* name, char* room) {
    struct stat status;
    if (!lacks("case") || strchr(name, '/') != NULL ||
        syscall(SYS_newfstatat, folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return name;
    }
    const int fd = (int)syscall(SYS_openat, folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    DIR* entries = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent* entry;
    const char* result = name;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (strcasecmp(entry->d_name, name) == 0) {
            result = strcpy(room, entry->d_name);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return result;
}

static void wait_at_barrier(const char* name) {
    static int times;
    const char* where = getenv("BARRIER_NAME");
    const char* fifo = getenv("BARRIER");
    const char* time = getenv("BARRIER_TIME");
    if (where == NULL || fifo == NULL || time == NULL || strncmp(name, where, strlen(where)) != 0 ||
        ++times != atoi(time)) {
        return;
    }
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, fifo, O_RDONLY | O_CLOEXEC, 0);
    char byte;
    while (read(fd, &byte, 1) > 0) {
    }
    close(fd);
}

SHIM int openat(int folder, const char* name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode =
        (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (lacks("unnamed") && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    wait_at_barrier(name);
    char room[256];
    return (int)syscall(SYS_openat, folder, stored_name(folder, name, room), flags, mode);
}

SHIM int fstatat(int folder, const char* restrict name, struct stat* restrict status, int flags) {
    char room[256];
    return (int)syscall(SYS_newfstatat, folder, stored_name(folder, name, room), status, flags);
}

SHIM int faccessat(int folder, const char* name, int mode, int flags) {
    char room[256];
    return (int)syscall(SYS_faccessat2, folder, stored_name(folder, name, room), mode, flags);
}

SHIM int mkdirat(int folder, const char* name, mode_t mode) {
    char room[256];
    if (is_refused(name)) {
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_mkdirat, folder, stored_name(folder, name, room), mode);
}

SHIM int symlinkat(const char* target, int folder, const char* name) {
    char room[256];
    if (lacks("symlinks") || is_refused(name)) {
        errno = lacks("symlinks") ? ENOSYS : EINVAL;
        return -1;
    }
    return (int)syscall(SYS_symlinkat, target, folder, stored_name(folder, name, room));
}

SHIM int linkat(int from, const char* old_name, int folder, const char* name, int flags) {
    char room[256];
    struct stat status;
    const int is_first = syscall(SYS_newfstatat, from, old_name, &status, 0) == 0 &&
                         (status.st_nlink == 0 || strstr(old_name, "unfinished") != NULL);
    if ((lacks("links") && !is_first) || is_refused(name)) {
        errno = is_refused(name) ? EINVAL : EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, from, old_name, folder, stored_name(folder, name, room), flags);
}

SHIM int renameat2(int from, const char* old_name, int folder, const char* name,
                   unsigned int flags) {
    char room[256];
    if ((lacks("unnamed") && flags != 0) || is_refused(name)) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from, old_name, folder, stored_name(folder, name, room),
                        flags);
}

SHIM int renameat(int from, const char* old_name, int folder, const char* name) {
    if (is_refused(name)) {
        errno = ENOENT;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from, old_name, folder, name, 0);
}

SHIM int fsetxattr(int fd, const char* name, const void* value, size_t size, int flags) {
    if (lacks(strstr(name, "posix_acl") != NULL ? "lists" : "attributes")) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_fsetxattr, fd, name, value, size, flags);
}

SHIM ssize_t fgetxattr(int fd, const char* name, void* value, size_t size) {
    const int is_list = strstr(name, "posix_acl") != NULL;
    if (lacks(is_list ? "list-reads" : "attribute-reads") &&
        (is_list || strcmp(name, "user.origin") == 0)) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_fgetxattr, fd, name, value, size);
}
