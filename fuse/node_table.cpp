// SPDX-License-Identifier: Apache-2.0

#include "fuse/node_table.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "lib/base/try.h"

namespace ecryptfs::fuse {

std::string Node::path() const {
    return fmt::format("/proc/self/fd/{}", fd.get());
}

Outcome<struct stat> Node::status() const {
    struct stat status{};
    if (::fstatat(fd.get(), "", &status, AT_EMPTY_PATH) != 0) {
        return failed_call();
    }
    return status;
}

Outcome<base::UniqueFd> Node::reopen(int flags) const {
    base::UniqueFd opened(::open(path().c_str(), flags | O_CLOEXEC));
    if (!opened) {
        return failed_call();
    }
    return opened;
}

NodeTable::NodeTable(base::UniqueFd root) {
    auto node = std::make_unique<Node>();
    node->id = kRoot;
    node->fd = std::move(root);
    node->lookups = 1;  // never forgotten
    if (const auto status = node->status()) {
        node->device = status->st_dev;
        node->inode = status->st_ino;
    }
    ids_.emplace(std::pair(node->device, node->inode), kRoot);
    nodes_.emplace(kRoot, std::move(node));
}

Node* NodeTable::find(std::uint64_t id) {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : found->second.get();
}

Outcome<Node*> NodeTable::add(base::UniqueFd fd) {
    auto node = std::make_unique<Node>();
    node->fd = std::move(fd);
    const auto status = TRY(node->status());
    node->device = status.st_dev;
    node->inode = status.st_ino;
    const auto key = std::pair(node->device, node->inode);
    if (const auto known = ids_.find(key); known != ids_.end()) {
        auto& there = *nodes_.at(known->second);
        ++there.lookups;
        return &there;
    }
    node->id = ++last_id_;
    node->lookups = 1;
    ids_.emplace(key, node->id);
    return nodes_.emplace(node->id, std::move(node)).first->second.get();
}

void NodeTable::forget(std::uint64_t id, std::uint64_t lookups) {
    if (auto* const node = find(id); node != nullptr && id != kRoot) {
        node->lookups -= std::min(node->lookups, lookups);
        drop_if_unused(*node);
    }
}

void NodeTable::drop_if_unused(Node& node) {
    if (node.lookups == 0 && node.opens == 0) {
        ids_.erase(std::pair(node.device, node.inode));
        nodes_.erase(node.id);
    }
}

}  // namespace ecryptfs::fuse
