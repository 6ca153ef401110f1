// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <map>
#include <set>
#include <string>

#include "agent/runtime/event_loop.h"

namespace ecryptfs::agent {

// Names of the descriptors: what the kernel's requests come from, the memory of handover.h, and
// what tells the guard that these are still kept.
inline constexpr char kDeviceName[] = "device";
inline constexpr char kMemoryName[] = "memory";
inline constexpr char kLifeLineName[] = "life-line";

// Descriptors that the service manager keeps for the next process of the agent: sd_notify(3),
// FDSTORE. A message that it has no room for is repeated until it has. Without a service manager,
// does nothing.
class DescriptorStore {
  public:
    // Borrows the loop.
    explicit DescriptorStore(EventLoop& loop);

    // Borrows `fd` until it is removed, or another has the name.
    void put(const std::string& name, int fd);
    void remove(const std::string& name);

  private:
    void send_changes();

    EventLoop::Source retry_;
    std::map<std::string, int> kept_;
    std::set<std::string> to_remove_;
    std::set<std::string> to_put_;
};

}  // namespace ecryptfs::agent
