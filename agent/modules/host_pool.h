// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/modules/key_hosts.h"
#include "agent/modules/module_client.h"

namespace ecryptfs::agent {

// The hosts, made when they are first needed. There is one for each module, and one more for each
// library that a key's locator has a module load: any process of this user may name such a library,
// and it must see no secret but its own key's. Their number is bounded, as names and locators come
// from tokens, which any process of this user may write.
class HostPool : public KeyHosts {
  public:
    static constexpr std::size_t kMaxHosts = 16;

    // Borrows the time and the launcher. A process that nobody needs for `idle_time` is ended.
    HostPool(TimeSource& time, HostLauncher& launcher, Clock::duration idle_time);

    // Called with the module of a host whose info has changed, or that is gone.
    void on_change(std::function<void(const wire::PkiType&)> changed);

    void submit(Job job) override;
    void close_key(const Key& key) override;
    // Calls back when no process has any of the keys that were to be closed until now.
    void when_closed(std::move_only_function<void()> done);

    // For when the loop runs no more: has the processes close their keys and end, and waits for
    // that up to kEndLimit. This object's end kills the others.
    void finish();

    // The modules that have hosts.
    std::vector<wire::PkiType> modules() const;
    // One for all hosts of a module: the process that was started last, and the restarts of all.
    // Nothing for a module without hosts.
    std::optional<HostInfo> info(const wire::PkiType& module) const;

  private:
    // The module, and pki::code_selection() of the locator.
    using Name = std::pair<wire::PkiType, std::string>;
    static Name host_name(const Key& key);

    void drop_hosts_out_of_use();

    TimeSource& time_;
    HostLauncher& launcher_;
    Clock::duration idle_time_;
    std::function<void(const wire::PkiType&)> changed_ = [](const wire::PkiType& /*module*/) {};
    std::map<Name, std::unique_ptr<ModuleClient>> hosts_;
    std::vector<std::unique_ptr<ModuleClient>> dropped_;  // but maybe still on the call stack
    std::unique_ptr<Timer> cleanup_;                      // of those
};

}  // namespace ecryptfs::agent
