// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/descriptor_store.h"

#include <fmt/format.h>

#include "agent/runtime/datagram.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

// FDPOLL=0: else each request of the kernel's would wake the service manager as well.
bool send_put(const std::string& name, int fd) {
    return notify_service_manager(fmt::format("FDSTORE=1\nFDNAME={}\nFDPOLL=0", name), fd);
}

bool send_removal(const std::string& name) {
    return notify_service_manager(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name));
}

}  // namespace

DescriptorStore::DescriptorStore(EventLoop& loop)
    : retry_(loop.timer(10ms, [this] { send_changes(); })) {}

void DescriptorStore::put(const std::string& name, int fd) {
    kept_[name] = fd;
    to_put_.insert(name);
    send_changes();
}

void DescriptorStore::remove(const std::string& name) {
    kept_.erase(name);
    to_put_.erase(name);
    to_remove_.insert(name);
    send_changes();
}

void DescriptorStore::send_changes() {
    std::erase_if(to_remove_, send_removal);
    if (to_remove_.empty()) {
        std::erase_if(to_put_, [&](const auto& name) { return send_put(name, kept_.at(name)); });
    }
    if (!to_remove_.empty() || !to_put_.empty()) {
        retry_.run_after(100ms);
    }
}

}  // namespace ecryptfs::agent
