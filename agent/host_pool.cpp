// SPDX-License-Identifier: Apache-2.0

#include "agent/host_pool.h"

#include <fmt/format.h>

#include <utility>

namespace ecryptfs::agent {

void HostPool::on_change(std::function<void(const wire::PkiType&)> changed) {
    changed_ = std::move(changed);
}

void HostPool::submit(Job job) {
    const auto& module = job.key->module;
    auto found = hosts_.find(module);
    if (found == hosts_.end() && hosts_.size() >= kMaxHosts) {
        drop_hosts_out_of_use();
    }
    if (found == hosts_.end() && hosts_.size() >= kMaxHosts) {
        job.done(std::unexpected(
            base::Error{base::ErrorCode::kOverloaded,
                        fmt::format("more than {} PKI modules are in use", kMaxHosts),
                        "restart the agent if some of them are not needed any more"}));
        return;
    }
    if (found == hosts_.end()) {
        auto host =
            std::make_unique<Host>(loop_, settings_, module, [this, module] { changed_(module); });
        found = hosts_.emplace(module, std::move(host)).first;
    }
    found->second->submit(std::move(job));
}

// Names that are no module's, or not any more, must not keep out one that is.
void HostPool::drop_hosts_out_of_use() {
    for (auto host = hosts_.begin(); host != hosts_.end();) {
        if (host->second->is_out_of_use()) {
            const auto module = host->first;
            host = hosts_.erase(host);
            changed_(module);
        } else {
            ++host;
        }
    }
}

void HostPool::close_key(const Key& key) {
    if (const auto found = hosts_.find(key.module); found != hosts_.end()) {
        found->second->close_key(key);
    }
}

void HostPool::when_closed(std::move_only_function<void()> done) {
    const auto wait = std::make_shared<CloseWait>(std::move(done));
    for (const auto& [module, host] : hosts_) {
        host->join(wait);
    }
    wait->begin();
}

}  // namespace ecryptfs::agent
