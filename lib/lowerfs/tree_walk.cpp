// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "lib/base/handle.h"
#include "lib/lowerfs/folder_chain.h"

namespace ecryptfs::lowerfs {
namespace {

using base::ErrorCode;
using base::Result;
using Listing = base::Handle<DIR, ::closedir>;

Result<base::UniqueFd> open_folder(TreeEntry& entry) {
    const int follow = entry.depth == 0 ? 0 : O_NOFOLLOW;
    base::UniqueFd fd(
        ::openat(entry.folder, entry.name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow));
    // The opened folder's status: another may have taken its place since the walk examined it.
    if (!fd || ::fstat(fd.get(), &entry.status) != 0) {
        return std::unexpected(base::system_error("opening the folder", errno));
    }
    entry.self = fd.get();
    return fd;
}

class Walk {
  public:
    explicit Walk(TreeVisitor& visitor) : visitor_(visitor) {}

    void run(const std::string& path) {
        path_ = path;
        examine(AT_FDCWD, path, 0);
        while (!levels_.empty()) {
            auto& level = levels_.back();
            if (level.next == level.names.size() || visitor_.stopped()) {
                leave_folder();
                continue;
            }
            const std::string name = std::move(level.names[level.next++]);
            path_.resize(level.path_size);
            path_ += (path_.ends_with('/') ? "" : "/") + name;
            examine(folders_.current(), name, static_cast<int>(levels_.size()));
        }
    }

  private:
    struct Level {
        std::string name;
        std::size_t path_size;  // of `path_` while the walk is in this folder
        struct stat status;
        std::vector<std::string> names;
        std::size_t next = 0;
    };

    void examine(int folder, const std::string& name, int depth) {
        TreeEntry entry{folder, name, path_, depth, {}};
        const int follow = depth == 0 ? 0 : AT_SYMLINK_NOFOLLOW;
        if (::fstatat(folder, name.c_str(), &entry.status, follow) != 0) {
            visitor_.unreadable(path_, base::system_error("looking at it", errno));
        } else if (S_ISDIR(entry.status.st_mode)) {
            enter_folder(entry);
        } else {
            visitor_.visit(entry);
        }
    }

    void enter_folder(TreeEntry& entry) {
        auto folder = open_folder(entry);
        if (!folder) {
            visitor_.unreadable(path_, folder.error());
            return;
        }
        auto names = names_in_folder(folder->get());
        if (!names) {
            visitor_.unreadable(path_, names.error());
            return;
        }
        if (visitor_.enter_folder(entry)) {
            folders_.push(std::move(*folder));
            std::ranges::sort(*names);
            levels_.push_back({entry.name, path_.size(), entry.status, std::move(*names)});
        }
    }

    void leave_folder() {
        const auto level = std::move(levels_.back());
        levels_.pop_back();
        path_.resize(level.path_size);
        visitor_.leave_folder({-1, level.name, path_, static_cast<int>(levels_.size()),
                               level.status, folders_.current()});
        folders_.pop();
        if (!levels_.empty() && folders_.current() < 0) {
            report_lost_folder();
        }
    }

    void report_lost_folder() {
        auto& level = levels_.back();
        if (level.next < level.names.size()) {
            path_.resize(level.path_size);
            visitor_.unreadable(path_, {ErrorCode::kNotFound,
                                        "folders were moved while they were read: the rest of "
                                        "this one was not reached",
                                        "run this again"});
            level.next = level.names.size();
        }
    }

    TreeVisitor& visitor_;
    std::string path_;  // of the last entry
    std::vector<Level> levels_;
    FolderChain folders_;  // of the levels
};

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

Result<std::vector<std::string>> names_in_folder(int folder) {
    // A descriptor of its own: reading moves the position.
    base::UniqueFd fd(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Listing listing(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!listing) {
        return std::unexpected(base::system_error("opening the folder", errno));
    }
    static_cast<void>(fd.release());
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(listing.get())) {
        std::string name(entry->d_name);
        if (name != "." && name != "..") {
            names.push_back(std::move(name));
        }
    }
    if (errno != 0) {
        return std::unexpected(base::system_error("reading the folder", errno));
    }
    return names;
}

TreeSize size_of_trees(std::span<const std::string> paths) {
    Counter counter;
    for (const auto& path : paths) {
        walk_tree(path, counter);
    }
    return counter.size();
}

void walk_tree(const std::string& path, TreeVisitor& visitor) {
    Walk(visitor).run(path);
}

}  // namespace ecryptfs::lowerfs
