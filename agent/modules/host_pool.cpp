// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/host_pool.h"

#include <fmt/format.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36's does not say so itself
}

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/runtime/event_loop.h"
#include "agent/runtime/time_limits.h"
#include "lib/base/handle.h"
#include "lib/pki/code_selection.h"

namespace ecryptfs::agent {

using namespace std::chrono_literals;

HostPool::HostPool(TimeSource& time, HostLauncher& launcher, Clock::duration idle_time)
    : time_(time),
      launcher_(launcher),
      idle_time_(idle_time),
      cleanup_(time.make_timer(1ms, [this] { dropped_.clear(); })) {}

void HostPool::on_change(std::function<void(const wire::PkiType&)> changed) {
    changed_ = std::move(changed);
}

HostPool::Name HostPool::host_name(const Key& key) {
    return {key.module, pki::code_selection(key.locator)};
}

void HostPool::submit(Job job) {
    const auto name = host_name(*job.key);
    const auto& module = name.first;
    auto found = hosts_.find(name);
    if (found == hosts_.end() && hosts_.size() >= kMaxHosts) {
        drop_hosts_out_of_use();
    }
    if (found == hosts_.end() && hosts_.size() >= kMaxHosts) {
        job.done(std::unexpected(
            base::Error{base::ErrorCode::kOverloaded,
                        fmt::format("more than {} PKI hosts are in use", kMaxHosts),
                        "lock keys that are not needed now, or restart the agent"}));
        return;
    }
    if (found == hosts_.end()) {
        auto host = std::make_unique<ModuleClient>(time_, launcher_, idle_time_, module,
                                                   [this, module] { changed_(module); });
        found = hosts_.emplace(name, std::move(host)).first;
    }
    found->second->submit(std::move(job));
}

// A name without a module, or a key that could not be opened, must not keep out a key that works.
// A host may be calling us now: when it reports a failed job, another job may be submitted.
void HostPool::drop_hosts_out_of_use() {
    for (auto host = hosts_.begin(); host != hosts_.end();) {
        if (host->second->is_out_of_use()) {
            const auto module = host->first.first;
            dropped_.push_back(std::move(host->second));
            host = hosts_.erase(host);
            changed_(module);
        } else {
            ++host;
        }
    }
    cleanup_->run_after(0ms);
}

// Closes it by its number in all hosts of its module: the locator may have changed when the key was
// opened, and then leads to another host. Jobs that fail may submit others and have hosts dropped.
void HostPool::close_key(const Key& key) {
    std::vector<ModuleClient*> hosts;
    for (const auto& [name, host] : hosts_) {
        if (name.first == key.module) {
            hosts.push_back(host.get());
        }
    }
    for (auto* host : hosts) {
        host->close_key(key);
    }
}

void HostPool::when_closed(std::move_only_function<void()> done) {
    const auto wait = std::make_shared<CloseWait>(std::move(done));
    for (const auto& [name, host] : hosts_) {
        host->add_wait(wait);
    }
    wait->begin();
}

void HostPool::finish() {
    const auto deadline = time_.now() + kEndLimit;
    std::vector<base::UniqueFd> processes;
    for (const auto& [module, host] : hosts_) {
        if (const auto pid = host->finish(); pid != 0) {
            processes.emplace_back(::pidfd_open(pid, 0));
        }
    }
    for (const auto& process : processes) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - time_.now());
        if (process) {
            has_ended(process.get(), static_cast<int>(std::max(left, 0ms).count()));
        }
    }
}

std::vector<wire::PkiType> HostPool::modules() const {
    std::vector<wire::PkiType> modules;
    for (const auto& [name, host] : hosts_) {
        if (modules.empty() || modules.back() != name.first) {
            modules.push_back(name.first);
        }
    }
    return modules;
}

std::optional<HostInfo> HostPool::info(const wire::PkiType& module) const {
    std::optional<HostInfo> last;
    std::uint32_t restarts = 0;
    for (const auto& [name, host] : hosts_) {
        if (name.first != module) {
            continue;
        }
        const auto& info = host->info();
        restarts += info.restarts;
        if (!last || std::pair(info.pid != 0, info.started_at) >
                         std::pair(last->pid != 0, last->started_at)) {
            last = info;
        }
    }
    if (last) {
        last->restarts = restarts;
    }
    return last;
}

}  // namespace ecryptfs::agent
