// SPDX-License-Identifier: Apache-2.0

#include "fuse/node_table.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "fuse/waiting.h"
#include "lib/base/try.h"

namespace ecryptfs::fuse {
namespace {

Outcome<struct stat> status_of_descriptor(const base::UniqueFd& fd) {
    struct stat status{};
    if (::fstatat(fd.get(), "", &status, AT_EMPTY_PATH) != 0) {
        return failed_call();
    }
    return status;
}

Outcome<FreshDescriptor> open_again(const base::UniqueFd& fd, int flags) {
    base::UniqueFd opened(::open(path_of_descriptor(fd).c_str(), flags | O_CLOEXEC));
    if (!opened) {
        return failed_call();
    }
    const auto status = TRY(status_of_descriptor(opened));
    return FreshDescriptor{std::move(opened), status};
}

// The errno for a name that leads to something else than it did.
int stale_if_gone(int error) {
    const bool is_gone = error == ENOENT || error == ELOOP || error == ENOTDIR || error == ENXIO;
    return is_gone ? ESTALE : error;
}

}  // namespace

bool NodeTable::is_within(const Node& node, const Node& folder) {
    const auto* at = &node;
    while (at != nullptr && at != &folder) {
        at = at->folder_.get();
    }
    return at != nullptr;
}

std::string path_of_descriptor(const base::UniqueFd& fd) {
    return fmt::format("/proc/self/fd/{}", fd.get());
}

NodeTable::NodeTable(base::UniqueFd root, std::size_t most_descriptors)
    : most_descriptors_(most_descriptors) {
    auto node = std::make_shared<Node>();
    node->id_ = kRoot;
    node->lookups_ = 1;  // never forgotten
    if (const auto status = status_of_descriptor(root)) {
        node->identity_ = Identity::of_status(*status);
    }
    node->descriptor_ = std::make_shared<const base::UniqueFd>(std::move(root));
    node->is_held_ = true;
    ids_.emplace(node->identity_, kRoot);
    nodes_.emplace(kRoot, std::move(node));
}

std::shared_ptr<Node> NodeTable::find(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : found->second;
}

std::shared_ptr<Node> NodeTable::find_known(const Identity& identity) {
    const std::scoped_lock lock(mutex_);
    const auto found = ids_.find(identity);
    return found == ids_.end() ? nullptr : nodes_.at(found->second);
}

std::vector<std::shared_ptr<Node>> NodeTable::all() {
    const std::scoped_lock lock(mutex_);
    std::vector<std::shared_ptr<Node>> list;
    list.reserve(nodes_.size());
    for (const auto& [id, node] : nodes_) {
        list.push_back(node);
    }
    return list;
}

std::shared_ptr<Node> NodeTable::add(const Identity& identity, const std::shared_ptr<Node>& folder,
                                     const std::string& name) {
    const std::scoped_lock lock(mutex_);
    const auto [known, is_new] = ids_.try_emplace(identity, last_id_ + 1);
    auto& node = nodes_[known->second];
    if (is_new) {
        ++last_id_;
        node = std::make_shared<Node>();
        node->id_ = known->second;
        node->identity_ = identity;
    }
    ++node->lookups_;
    place(*node, folder, name);
    return node;
}

// The last known place of a file with several names.
void NodeTable::place(Node& node, const std::shared_ptr<Node>& folder, const std::string& name) {
    if (node.folder_ != folder && is_within(*folder, node)) {
        return;  // it was found in itself: by a bind mount below
    }
    if (node.folder_ != folder) {
        ++folder->children_;
        const auto before = std::exchange(node.folder_, folder);
        if (before) {
            --before->children_;
            drop_if_unused(before);
        }
    }
    if (node.name_ != name) {
        node.name_ = name;
    }
    if (node.is_held_) {  // it has a name again
        node.is_held_ = false;
        node.used_ = used_.insert(used_.begin(), &node);
        make_room();
    }
}

void NodeTable::forget(std::uint64_t id, std::uint64_t lookups) {
    const std::scoped_lock lock(mutex_);
    const auto found = nodes_.find(id);
    if (found == nodes_.end() || id == kRoot) {
        return;
    }
    const auto node = found->second;
    node->lookups_ -= std::min(node->lookups_, lookups);
    drop_if_unused(node);
}

void NodeTable::drop_if_unused(const std::shared_ptr<Node>& node) {
    for (auto unused = node; unused && unused->lookups_ == 0 && unused->children_ == 0;) {
        if (unused->descriptor_ && !unused->is_held_) {
            used_.erase(unused->used_);
        }
        unused->descriptor_.reset();
        if (const auto known = ids_.find(unused->identity_);
            known != ids_.end() && known->second == unused->id_) {
            ids_.erase(known);
        }
        nodes_.erase(unused->id_);
        const auto folder = std::exchange(unused->folder_, nullptr);
        if (folder) {
            --folder->children_;
        }
        unused = folder;
    }
}

Descriptor NodeTable::existing_descriptor(Node& node) {
    const std::scoped_lock lock(mutex_);
    if (node.descriptor_ && !node.is_held_) {
        used_.splice(used_.begin(), used_, node.used_);
    }
    return node.descriptor_;
}

Outcome<Descriptor> NodeTable::descriptor(Node& node) {
    if (auto existing = existing_descriptor(node)) {
        return existing;
    }
    const auto lock = TRY(share_or_give_up(places_));
    return find_way(node);
}

// While `places_` is shared.
Outcome<Descriptor> NodeTable::find_way(Node& node) {
    if (auto existing = existing_descriptor(node)) {
        return existing;
    }
    auto opened = TRY(open_by_name(node, O_PATH));
    return keep(node, std::move(opened.fd));
}

// While `places_` is shared.
Outcome<FreshDescriptor> NodeTable::open_by_name(Node& node, int flags) {
    std::shared_ptr<Node> folder;
    std::string name;
    {
        const std::scoped_lock lock(mutex_);
        folder = node.folder_;
        name = node.name_;
    }
    if (!folder) {
        return std::unexpected(ESTALE);
    }
    const auto way = TRY(find_way(*folder));
    base::UniqueFd fd(::openat(way->get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    const int error = errno;
    if (fd) {
        const auto status = TRY(status_of_descriptor(fd));
        if (Identity::of_status(status) == node.identity_) {
            return FreshDescriptor{std::move(fd), status};
        }
    }
    // It may have lost its name meanwhile, and is held.
    if (const auto existing = existing_descriptor(node)) {
        return open_again(*existing, flags);
    }
    return std::unexpected(fd ? ESTALE : stale_if_gone(error));
}

Outcome<FreshDescriptor> NodeTable::open(Node& node, int flags) {
    if (const auto existing = existing_descriptor(node)) {
        return open_again(*existing, flags);
    }
    const auto lock = TRY(share_or_give_up(places_));
    return open_by_name(node, flags);
}

Outcome<struct stat> NodeTable::status(Node& node) {
    if (const auto existing = existing_descriptor(node)) {
        return status_of_descriptor(*existing);
    }
    {
        const auto lock = TRY(share_or_give_up(places_));
        std::shared_ptr<Node> folder;
        std::string name;
        {
            const std::scoped_lock table_lock(mutex_);
            folder = node.folder_;
            name = node.name_;
        }
        if (folder) {
            const auto way = TRY(find_way(*folder));
            struct stat status{};
            if (::fstatat(way->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                Identity::of_status(status) == node.identity_) {
                return status;
            }
        }
    }
    // Held since, or gone.
    const auto existing = TRY(descriptor(node));
    return status_of_descriptor(*existing);
}

Descriptor NodeTable::keep(Node& node, base::UniqueFd fd) {
    auto made = std::make_shared<const base::UniqueFd>(std::move(fd));
    const std::scoped_lock lock(mutex_);
    if (node.descriptor_) {
        return node.descriptor_;  // another thread was faster
    }
    if (!node.folder_) {
        return made;  // forgotten meanwhile
    }
    node.descriptor_ = made;
    node.used_ = used_.insert(used_.begin(), &node);
    make_room();
    return made;
}

void NodeTable::make_room() {
    while (used_.size() > most_descriptors_) {
        used_.back()->descriptor_.reset();
        used_.pop_back();
    }
}

Outcome<void> NodeTable::hold(const Node& folder, const std::string& name,
                              const Identity& identity) {
    const auto node = find_known(identity);
    if (!node || node->id_ == kRoot) {
        return {};
    }
    const auto way = TRY(descriptor(*node));
    const std::scoped_lock lock(mutex_);
    if (node->folder_.get() != &folder || node->name_ != name || node->is_held_) {
        return {};  // another of its names stays
    }
    if (node->descriptor_) {
        used_.erase(node->used_);
    }
    node->descriptor_ = way;
    node->is_held_ = true;
    return {};
}

void NodeTable::set_place(const Identity& identity, const std::shared_ptr<Node>& folder,
                          const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = ids_.find(identity); found != ids_.end()) {
        const auto node = nodes_.at(found->second);
        place(*node, folder, name);
    }
}

}  // namespace ecryptfs::fuse
