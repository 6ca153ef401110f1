// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/descriptor_store.h"

#include <fmt/format.h>

#include <utility>

#include "agent/runtime/datagram.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kRetryPause = 100ms;

// FDPOLL=0: else each request of the kernel's would wake the service manager as well.
std::string put_message(const std::string& name) {
    return fmt::format("FDSTORE=1\nFDNAME={}\nFDPOLL=0", name);
}

std::string removal_message(const std::string& name) {
    return fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name);
}

}  // namespace

DescriptorStore::DescriptorStore(TimeSource& time)
    : DescriptorStore(time, notify_service_manager) {}

DescriptorStore::DescriptorStore(TimeSource& time, Notify notify)
    : notify_(std::move(notify)), retry_(time.make_timer(10ms, [this] { send_changes(); })) {}

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
    std::erase_if(to_remove_,
                  [this](const auto& name) { return notify_(removal_message(name), -1); });
    if (to_remove_.empty()) {
        std::erase_if(to_put_, [this](const auto& name) {
            return notify_(put_message(name), kept_.at(name));
        });
    }
    if (!to_remove_.empty() || !to_put_.empty()) {
        retry_->run_after(kRetryPause);
    }
}

}  // namespace ecryptfs::agent
