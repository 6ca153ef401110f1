// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "agent/runtime/time_source.h"

namespace ecryptfs::agent {

// Names of the descriptors: the kernel's device, the memory of handover.h, and the end of a pipe
// that tells the guard that these are still kept.
inline constexpr char kDeviceName[] = "device";
inline constexpr char kMemoryName[] = "memory";
inline constexpr char kLifeLineName[] = "life-line";

// Descriptors that the service manager keeps for the next process of the agent: sd_notify(3),
// FDSTORE. A message that the service manager has no room for is repeated. Without a service
// manager, does nothing.
class DescriptorStore {
  public:
    // Sends a message, with a descriptor unless that is -1. False if there is no room for it now.
    using Notify = std::function<bool(std::string_view state, int descriptor)>;

    // Borrows the time.
    explicit DescriptorStore(TimeSource& time);
    DescriptorStore(TimeSource& time, Notify notify);

    // Borrows `fd` until it is removed, or another has the name.
    void put(const std::string& name, int fd);
    void remove(const std::string& name);

  private:
    void send_changes();

    Notify notify_;
    std::unique_ptr<Timer> retry_;
    std::map<std::string, int> kept_;
    std::set<std::string> to_remove_;
    std::set<std::string> to_put_;
};

}  // namespace ecryptfs::agent
