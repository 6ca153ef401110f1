// SPDX-License-Identifier: Apache-2.0

#include "lib/dbus/agent_bus.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <cerrno>
#include <cstring>

#include "lib/dbus/bus_error.h"
#include "lib/dbus/names.h"

namespace ecryptfs::dbus {
namespace {

using base::ErrorCode;
using base::Result;

class BusError {
  public:
    BusError() = default;
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
    ~BusError() { ::sd_bus_error_free(&error_); }

    sd_bus_error* get() { return &error_; }
    base::Error to_error() const {
        return error_from_bus(error_.name != nullptr ? error_.name : "",
                              error_.message != nullptr ? error_.message : "");
    }

  private:
    sd_bus_error error_{};
};

base::Error no_bus(int error_number) {
    return {ErrorCode::kNoBus,
            fmt::format("cannot connect to the D-Bus user bus: {}",
                        error_number == ENOMEDIUM
                            ? "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set"
                            : ::strerrordesc_np(error_number)),
            "log in as this user (su and sudo give no user bus), or start a bus: dbus-run-session "
            "bash"};
}

std::unexpected<base::Error> local_failure(const char* call, int result) {
    return std::unexpected(base::system_error(ErrorCode::kInternal, call, -result));
}

}  // namespace

void CloseBus::operator()(sd_bus* bus) const noexcept {
    ::sd_bus_flush_close_unref(bus);
}

void UnrefMessage::operator()(sd_bus_message* message) const noexcept {
    ::sd_bus_message_unref(message);
}

Result<AgentBus> AgentBus::connect() {
    sd_bus* raw = nullptr;
    int result = ::sd_bus_open_user(&raw);
    std::unique_ptr<sd_bus, CloseBus> bus(raw);
    if (result >= 0) {
        // Waits for the bus's welcome: a refusal shows here, and not as a fault of the agent.
        const char* unique_name = nullptr;
        result = ::sd_bus_get_unique_name(bus.get(), &unique_name);
    }
    if (result < 0) {
        return std::unexpected(no_bus(-result));
    }
    return AgentBus(std::move(bus));
}

Result<Message> AgentBus::call(const Method& method, std::chrono::microseconds time_limit,
                               const std::function<void(MessageWriter&)>& write_arguments) {
    sd_bus_message* raw = nullptr;
    int result = ::sd_bus_message_new_method_call(bus_.get(), &raw, kBusName, method.path.c_str(),
                                                  method.interface, method.name);
    const Message request(raw);
    if (result < 0) {
        return local_failure("sd_bus_message_new_method_call", result);
    }
    MessageWriter arguments(request.get());
    write_arguments(arguments);
    if (arguments.result() < 0) {
        return local_failure("writing a call", arguments.result());
    }
    BusError error;
    sd_bus_message* raw_reply = nullptr;
    result = ::sd_bus_call(bus_.get(), request.get(),
                           static_cast<std::uint64_t>(time_limit.count()), error.get(), &raw_reply);
    Message reply(raw_reply);
    if (result < 0) {
        return std::unexpected(error.to_error());
    }
    return reply;
}

}  // namespace ecryptfs::dbus
