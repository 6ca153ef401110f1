// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/client.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/base/handle.h"
#include "lib/base/try.h"
#include "lib/dbus/bus_error.h"
#include "lib/dbus/message.h"
#include "lib/dbus/names.h"
#include "lib/dbus/paths.h"
#include "lib/pki/time_limits.h"
#include "lib/wire/device_frame.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;
using Message = base::Handle<sd_bus_message, sd_bus_message_unref>;

constexpr std::uint64_t kCallTimeout = std::chrono::microseconds(pki::kCallLimit).count();
constexpr std::uint64_t kOpenTimeout = std::chrono::microseconds(pki::kOpenCallLimit).count();

class BusError {
  public:
    BusError() = default;
    BusError(const BusError&) = delete;
    BusError& operator=(const BusError&) = delete;
    ~BusError() { sd_bus_error_free(&error_); }

    sd_bus_error* get() { return &error_; }
    base::Error to_error() const {
        return dbus::error_from_bus(error_.name != nullptr ? error_.name : "",
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

// A user that may not open the device has no agent: systemd skips its unit, and the bus would wait
// long for it.
bool cannot_have_agent(sd_bus* bus) {
    return sd_bus_get_name_creds(bus, dbus::kBusName, 0, nullptr) < 0 &&
           ::access(wire::kDevicePath, R_OK | W_OK) < 0 && errno == EACCES;
}

base::Error local_failure(const char* call, int result) {
    return base::system_error(ErrorCode::kInternal, call, -result);
}

struct Target {
    std::string path;
    const char* interface;
    const char* member;
};

Target manager_call(const char* member) {
    return {dbus::kManagerPath, dbus::kManagerInterface, member};
}

Target key_call(const wire::KeySignature& signature, const char* member) {
    return {dbus::key_path(signature), dbus::kKeyInterface, member};
}

void write_nothing(dbus::MessageWriter& /*arguments*/) {}

// Calls a method; gives the reply.
template <typename WriteArguments>
Result<Message> call(sd_bus* bus, const Target& target, std::uint64_t timeout_usec,
                     WriteArguments write_arguments) {
    sd_bus_message* raw = nullptr;
    int result = sd_bus_message_new_method_call(bus, &raw, dbus::kBusName, target.path.c_str(),
                                                target.interface, target.member);
    const Message request(raw);
    if (result < 0) {
        return std::unexpected(local_failure("sd_bus_message_new_method_call", result));
    }
    dbus::MessageWriter arguments(request.get());
    write_arguments(arguments);
    if (arguments.result() < 0) {
        return std::unexpected(local_failure("writing a call", arguments.result()));
    }
    BusError error;
    sd_bus_message* raw_reply = nullptr;
    result = sd_bus_call(bus, request.get(), timeout_usec, error.get(), &raw_reply);
    Message reply(raw_reply);
    if (result < 0) {
        return std::unexpected(error.to_error());
    }
    return reply;
}

Result<void> ignore_value(const Result<Message>& reply) {
    if (!reply) {
        return std::unexpected(reply.error());
    }
    return {};
}

Result<OpenedKey> read_opened_key(sd_bus_message* reply) {
    dbus::MessageReader reader(reply);
    const auto signature = wire::KeySignature::from_text(reader.read_text());
    const auto token = reader.read_bytes();
    const auto warning = reader.read_text();
    if (!reader.ok() || !signature || token.empty()) {
        return std::unexpected(malformed_reply());
    }
    return OpenedKey{*signature, {token.begin(), token.end()}, warning};
}

}  // namespace

void AgentClient::CloseBus::operator()(sd_bus* bus) const noexcept {
    sd_bus_flush_close_unref(bus);
}

Result<AgentClient> AgentClient::connect() {
    sd_bus* raw = nullptr;
    int result = sd_bus_open_user(&raw);
    Bus bus(raw);
    if (result >= 0) {
        // Waits for the bus's welcome: a refusal shows here, and not as a fault of the agent.
        const char* unique_name = nullptr;
        result = sd_bus_get_unique_name(bus.get(), &unique_name);
    }
    if (result < 0) {
        return std::unexpected(no_bus(-result));
    }
    if (cannot_have_agent(bus.get())) {
        return std::unexpected(base::Error{
            ErrorCode::kDevicePermission,
            fmt::format("you have no agent, and no permission to open {}", wire::kDevicePath),
            "become a member of the device's group: sudo usermod --append --groups ecryptfs "
            "$(id -un); then log in anew"});
    }
    return AgentClient(std::move(bus));
}

Result<OpenedKey> AgentClient::add_key(const std::string& module, const std::string& locator,
                                       const base::SealedMemfd& secret) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(module);
        arguments.write_text(locator);
        arguments.write_descriptor(secret.fd());
    };
    const auto reply = TRY(call(bus_.get(), manager_call("AddKey"), kOpenTimeout, write_arguments));
    return read_opened_key(reply.get());
}

Result<void> AgentClient::register_token(const wire::KeySignature& signature,
                                         keyring::KeySerial serial) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(signature.text());
        arguments.write_number(serial.value);
    };
    return ignore_value(
        call(bus_.get(), manager_call("RegisterToken"), kCallTimeout, write_arguments));
}

Result<void> AgentClient::forget_key(const wire::KeySignature& signature) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(signature.text());
    };
    return ignore_value(call(bus_.get(), manager_call("ForgetKey"), kCallTimeout, write_arguments));
}

Result<void> AgentClient::lock_all() {
    return ignore_value(call(bus_.get(), manager_call("Lock"), kCallTimeout, write_nothing));
}

Result<void> AgentClient::lock_key(const wire::KeySignature& signature) {
    return ignore_value(call(bus_.get(), key_call(signature, "Lock"), kCallTimeout, write_nothing));
}

Result<void> AgentClient::unlock_key(const wire::KeySignature& signature,
                                     const base::SealedMemfd& secret) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_descriptor(secret.fd());
    };
    return ignore_value(
        call(bus_.get(), key_call(signature, "Unlock"), kOpenTimeout, write_arguments));
}

Result<AgentKey> AgentClient::key(const wire::KeySignature& signature) {
    const auto all = TRY(properties(dbus::key_path(signature), dbus::kKeyInterface));
    return agent_key(all);
}

Result<ManagerState> AgentClient::manager() {
    const auto all = TRY(properties(dbus::kManagerPath, dbus::kManagerInterface));
    return manager_state(all);
}

Result<AgentObjects> AgentClient::objects() {
    const Target target{dbus::kManagerPath, "org.freedesktop.DBus.ObjectManager",
                        "GetManagedObjects"};
    const auto reply = TRY(call(bus_.get(), target, kCallTimeout, write_nothing));
    const auto objects = TRY(read_managed_objects(reply.get()));
    return agent_objects(objects);
}

Result<Properties> AgentClient::properties(const std::string& path, const char* interface) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(interface);
    };
    const auto reply = TRY(call(bus_.get(), {path, "org.freedesktop.DBus.Properties", "GetAll"},
                                kCallTimeout, write_arguments));
    return read_properties(reply.get());
}

base::Result<AgentSnapshot> ask_agent() {
    auto agent = TRY(AgentClient::connect());
    auto manager = TRY(agent.manager());
    auto objects = TRY(agent.objects());
    return AgentSnapshot{std::move(manager), std::move(objects)};
}

}  // namespace ecryptfs::cli
