// SPDX-License-Identifier: Apache-2.0

#include "cli/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "cli/lower_file.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {
namespace {

using base::Result;
using Folder = base::Handle<DIR, ::closedir>;

Result<Folder> open_folder(const TreeEntry& entry) {
    const int follow = entry.depth == 0 ? 0 : O_NOFOLLOW;
    base::UniqueFd fd(
        ::openat(entry.folder, entry.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow));
    Folder folder(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!folder) {
        return std::unexpected(file_error("opening the folder", errno));
    }
    static_cast<void>(fd.release());
    return folder;
}

Result<std::vector<std::string>> sorted_names(DIR* folder) {
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(folder)) {
        const std::string name(entry->d_name);
        if (name != "." && name != "..") {
            names.push_back(name);
        }
    }
    if (errno != 0) {
        return std::unexpected(file_error("reading the folder", errno));
    }
    std::ranges::sort(names);
    return names;
}

void walk(TreeEntry entry, TreeVisitor& visitor);

void walk_folder(const TreeEntry& entry, TreeVisitor& visitor) {
    const auto folder = open_folder(entry);
    if (!folder) {
        visitor.unreadable(entry.path, folder.error());
        return;
    }
    const auto names = sorted_names(folder->get());
    if (!names) {
        visitor.unreadable(entry.path, names.error());
        return;
    }
    const std::string before = entry.path.ends_with('/') ? entry.path : entry.path + "/";
    for (const auto& name : *names) {
        if (visitor.stopped()) {
            return;
        }
        walk({::dirfd(folder->get()), name, before + name, entry.depth + 1, {}}, visitor);
    }
}

void walk(TreeEntry entry, TreeVisitor& visitor) {
    const int follow = entry.depth == 0 ? 0 : AT_SYMLINK_NOFOLLOW;
    if (::fstatat(entry.folder, entry.name.c_str(), &entry.status, follow) != 0) {
        visitor.unreadable(entry.path, file_error("looking at it", errno));
    } else if (!S_ISDIR(entry.status.st_mode)) {
        visitor.visit(entry);
    } else if (visitor.enter_folder(entry)) {
        walk_folder(entry, visitor);
        visitor.leave_folder(entry);
    }
}

class Counter : public TreeVisitor {
  public:
    bool enter_folder(const TreeEntry&) override { return true; }
    void leave_folder(const TreeEntry&) override {}
    void visit(const TreeEntry& entry) override {
        if (S_ISREG(entry.status.st_mode)) {
            ++size_.files;
            size_.bytes += static_cast<std::uint64_t>(entry.status.st_size);
        }
    }
    void unreadable(const std::string&, const base::Error&) override {}

    const TreeSize& size() const { return size_; }

  private:
    TreeSize size_;
};

}  // namespace

TreeSize size_of_trees(std::span<const std::string> paths) {
    Counter counter;
    for (const auto& path : paths) {
        walk_tree(path, counter);
    }
    return counter.size();
}

void walk_tree(const std::string& path, TreeVisitor& visitor) {
    walk({AT_FDCWD, path, path, 0, {}}, visitor);
}

}  // namespace ecryptfs::cli
