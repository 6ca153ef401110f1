// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <map>
#include <memory>

#include "agent/host.h"

namespace ecryptfs::agent {

// The hosts, one a module, made when a module is first asked for. Bounded, as the names of modules
// come from tokens that anybody of this user may write.
class HostPool {
  public:
    static constexpr std::size_t kMaxHosts = 16;

    // Borrows the loop.
    HostPool(EventLoop& loop, HostSettings settings)
        : loop_(loop), settings_(std::move(settings)) {}

    // Told the module whose host's info has changed, or whose host is gone.
    void on_change(std::function<void(const wire::PkiType&)> changed);

    // To the host of the job's key.
    void submit(Job job);
    void close_key(const Key& key);
    // Calls back when no process has any of the keys any more that were to be closed until now.
    void when_closed(std::move_only_function<void()> done);

    const std::map<wire::PkiType, std::unique_ptr<Host>>& hosts() const { return hosts_; }

  private:
    void drop_hosts_out_of_use();

    EventLoop& loop_;
    HostSettings settings_;
    std::function<void(const wire::PkiType&)> changed_ = [](const wire::PkiType& /*module*/) {};
    std::map<wire::PkiType, std::unique_ptr<Host>> hosts_;
};

}  // namespace ecryptfs::agent
