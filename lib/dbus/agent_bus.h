// SPDX-License-Identifier: Apache-2.0
//
// Calls of the agent over the user bus. They block; one thread. kNoBus for a bus that is not there
// or lost, kNoAgent for an agent that cannot be started. All other errors are the agent's own.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "lib/base/error.h"
#include "lib/dbus/message.h"

struct sd_bus;
struct sd_bus_message;

namespace ecryptfs::dbus {

struct CloseBus {
    void operator()(sd_bus* bus) const noexcept;
};
struct UnrefMessage {
    void operator()(sd_bus_message* message) const noexcept;
};
using Message = std::unique_ptr<sd_bus_message, UnrefMessage>;

class AgentBus {
  public:
    struct Method {
        std::string path;
        const char* interface;
        const char* name;
    };

    // The first call starts the agent if it does not run yet.
    static base::Result<AgentBus> connect();

    // Calls a method; gives the reply.
    base::Result<Message> call(
        const Method& method, std::chrono::microseconds time_limit,
        const std::function<void(MessageWriter&)>& write_arguments = [](MessageWriter& /*none*/) {
        });

  private:
    explicit AgentBus(std::unique_ptr<sd_bus, CloseBus> bus) : bus_(std::move(bus)) {}

    std::unique_ptr<sd_bus, CloseBus> bus_;
};

}  // namespace ecryptfs::dbus
