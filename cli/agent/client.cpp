// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/client.h"

#include "lib/base/try.h"
#include "lib/dbus/message.h"
#include "lib/dbus/names.h"
#include "lib/dbus/paths.h"
#include "lib/pki/time_limits.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;

constexpr auto kCallTimeout = pki::kCallLimit;
constexpr auto kOpenTimeout = pki::kOpenCallLimit;

using Method = dbus::AgentBus::Method;

Method manager_method(const char* name) {
    return {dbus::kManagerPath, dbus::kManagerInterface, name};
}

Method key_method(const wire::KeySignature& signature, const char* name) {
    return {dbus::key_path(signature), dbus::kKeyInterface, name};
}

Result<void> ignore_value(const Result<dbus::Message>& reply) {
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

Result<AgentClient> AgentClient::connect() {
    auto bus = TRY(dbus::AgentBus::connect());
    return AgentClient(std::move(bus));
}

Result<OpenedKey> AgentClient::add_key(const std::string& module, const std::string& locator,
                                       const base::SealedMemfd& secret) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(module);
        arguments.write_text(locator);
        arguments.write_descriptor(secret.fd());
    };
    const auto reply = TRY(bus_.call(manager_method("AddKey"), kOpenTimeout, write_arguments));
    return read_opened_key(reply.get());
}

Result<void> AgentClient::register_token(const wire::KeySignature& signature,
                                         keyring::KeySerial serial) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(signature.text());
        arguments.write_number(serial.value);
    };
    return ignore_value(bus_.call(manager_method("RegisterToken"), kCallTimeout, write_arguments));
}

Result<void> AgentClient::forget_key(const wire::KeySignature& signature) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(signature.text());
    };
    return ignore_value(bus_.call(manager_method("ForgetKey"), kCallTimeout, write_arguments));
}

Result<void> AgentClient::lock_all() {
    return ignore_value(bus_.call(manager_method("Lock"), kCallTimeout));
}

Result<void> AgentClient::announce_unlocked(const wire::KeySignature& signature) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(signature.text());
    };
    return ignore_value(
        bus_.call(manager_method("AnnounceUnlocked"), kCallTimeout, write_arguments));
}

Result<void> AgentClient::hand_out_key(const wire::KeySignature& signature,
                                       const base::SealedMemfd& key) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(signature.text());
        arguments.write_descriptor(key.fd());
    };
    return ignore_value(bus_.call(manager_method("HandOutKey"), kCallTimeout, write_arguments));
}

Result<void> AgentClient::lock_folder_key(const wire::KeySignature& signature) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(signature.text());
    };
    return ignore_value(bus_.call(manager_method("LockFolderKey"), kCallTimeout, write_arguments));
}

Result<void> AgentClient::lock_key(const wire::KeySignature& signature) {
    return ignore_value(bus_.call(key_method(signature, "Lock"), kCallTimeout));
}

Result<void> AgentClient::unlock_key(const wire::KeySignature& signature,
                                     const base::SealedMemfd& secret) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_descriptor(secret.fd());
    };
    return ignore_value(bus_.call(key_method(signature, "Unlock"), kOpenTimeout, write_arguments));
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
    const Method target{dbus::kManagerPath, "org.freedesktop.DBus.ObjectManager",
                        "GetManagedObjects"};
    const auto reply = TRY(bus_.call(target, kCallTimeout));
    const auto objects = TRY(read_managed_objects(reply.get()));
    return agent_objects(objects);
}

Result<Properties> AgentClient::properties(const std::string& path, const char* interface) {
    const auto write_arguments = [&](dbus::MessageWriter& arguments) {
        arguments.write_text(interface);
    };
    const auto reply = TRY(bus_.call({path, "org.freedesktop.DBus.Properties", "GetAll"},
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
