// SPDX-License-Identifier: Apache-2.0
//
// Tables for sd-bus: the objects, and the values of their properties. service.cpp has what the
// methods do.

#include "agent/bus/objects.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "agent/bus/service.h"
#include "agent/runtime/exception_wall.h"
#include "lib/dbus/message.h"
#include "lib/dbus/names.h"
#include "lib/dbus/paths.h"
#include "lib/dbus/states.h"
#include "lib/keyring/keyrings.h"
#include "lib/keyring/proc_keys.h"

namespace ecryptfs::agent {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr char kFeaturesFile[] = "/sys/fs/ecryptfs/version";

std::uint64_t usec(std::chrono::system_clock::time_point time) {
    return static_cast<std::uint64_t>(duration_cast<microseconds>(time.time_since_epoch()).count());
}

std::uint64_t usec(Clock::duration span) {
    return static_cast<std::uint64_t>(duration_cast<microseconds>(span).count());
}

// Names the place of a failure in the log.
constexpr char kObject[] = "bus object";

// Makes a property's getter of a function from the object to the value.
template <typename Object, auto Value>
int get(sd_bus* /*bus*/, const char* /*path*/, const char* /*interface*/, const char* /*property*/,
        sd_bus_message* reply, void* object, sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        const auto value = Value(*static_cast<Object*>(object));
        dbus::MessageWriter writer(reply);
        if constexpr (dbus::BusNumber<std::remove_const_t<decltype(value)>>) {
            writer.write_number(value);
        } else {
            writer.write_text(value);
        }
        return writer.result();
    });
}

// --- The manager -------------------------------------------------------------------------------

std::uint32_t kernel_features() {
    std::uint32_t mask = 0;
    std::ifstream(kFeaturesFile) >> mask;
    return mask;
}

std::string_view device_state(BusService& service) {
    auto& device = service.parts().device;
    device.retry();  // the caller wants the state of now
    return device.error() ? dbus::state_name(dbus::DeviceState{device.error()->code})
                          : dbus::state_name(dbus::kDeviceOpen);
}

std::string device_message(BusService& service) {
    const auto& error = service.parts().device.error();
    return error ? error->message : "";
}

std::string device_advice(BusService& service) {
    const auto& error = service.parts().device.error();
    return error ? error->advice : "";
}

std::uint64_t device_opened(BusService& service) {
    const auto& device = service.parts().device;
    return device.is_open() ? usec(device.opened_at()) : 0;
}

int get_failed(sd_bus* /*bus*/, const char* /*path*/, const char* /*interface*/,
               const char* /*property*/, sd_bus_message* reply, void* object,
               sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        auto& service = *static_cast<BusService*>(object);
        dbus::MessageWriter writer(reply);
        writer.write_dictionary("st", [&] {
            for (const auto& entry : service.parts().requests.counts().failed) {
                writer.write_entry("st", [&] {
                    writer.write_text(base::traits(entry.first).name);
                    writer.write_number(entry.second);
                });
            }
        });
        return writer.result();
    });
}

int get_channels(sd_bus* /*bus*/, const char* /*path*/, const char* /*interface*/,
                 const char* /*property*/, sd_bus_message* reply, void* object,
                 sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        auto& service = *static_cast<BusService*>(object);
        dbus::MessageWriter writer(reply);
        writer.write_list(dbus::kChannelFields, [&] {
            for (const auto& channel : service.parts().channels.list()) {
                writer.write_record(dbus::kChannelFields, [&] {
                    writer.write_number(channel.number);
                    writer.write_number(static_cast<std::uint32_t>(channel.client));
                    writer.write_number(channel.counts.received);
                    writer.write_number(channel.counts.answered);
                    writer.write_number(channel.counts.failed);
                });
            }
        });
        return writer.result();
    });
}

template <auto Member>
std::uint64_t count(BusService& service) {
    return service.parts().requests.counts().*Member;
}

// A method, which calls `Do` once the caller is known to be of our own user.
template <auto Do>
int manager_method(sd_bus_message* message, void* object, sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        auto* service = static_cast<BusService*>(object);
        run_for_own_user(message, [service](const BusCall& call) { (service->*Do)(call); });
        return 1;
    });
}

// SD_BUS_VTABLE_UNPRIVILEGED: run_for_own_user() checks who calls; sd-bus would wait for the bus
// to.
constexpr auto kMethod = SD_BUS_VTABLE_UNPRIVILEGED;
constexpr auto kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr auto kChanges = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;

#define MANAGER_PROPERTY(name, type, value, flags) \
    SD_BUS_PROPERTY(name, type, (get<BusService, value>), 0, flags)

const sd_bus_vtable kManagerTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("AddKey", SD_BUS_ARGS("s", module, "s", locator, "h", secret),
                            SD_BUS_RESULT("s", signature, "ay", token, "s", warning),
                            manager_method<&BusService::add_key>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("RegisterToken", SD_BUS_ARGS("s", signature, "i", serial),
                            SD_BUS_RESULT("o", key), manager_method<&BusService::register_token>,
                            kMethod),
    SD_BUS_METHOD_WITH_ARGS("ForgetKey", SD_BUS_ARGS("s", signature), SD_BUS_NO_RESULT,
                            manager_method<&BusService::forget_key>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Lock", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
                            manager_method<&BusService::lock_all>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("OpenChannel", SD_BUS_ARGS("i", client), SD_BUS_RESULT("h", channel),
                            manager_method<&BusService::open_channel>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("AnnounceUnlocked", SD_BUS_ARGS("s", signature), SD_BUS_NO_RESULT,
                            manager_method<&BusService::announce_unlocked>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("HandOutKey", SD_BUS_ARGS("s", signature, "h", key), SD_BUS_NO_RESULT,
                            manager_method<&BusService::hand_out_key>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("LockFolderKey", SD_BUS_ARGS("s", signature), SD_BUS_NO_RESULT,
                            manager_method<&BusService::lock_folder_key>, kMethod),
    SD_BUS_SIGNAL_WITH_ARGS("SecretNeeded", SD_BUS_ARGS("s", signature, "s", locator), 0),
    MANAGER_PROPERTY(
        "Version", "s", [](auto&) { return ECRYPTFS_VERSION; }, kConst),
    MANAGER_PROPERTY(
        "Pid", "u", [](auto&) { return static_cast<std::uint32_t>(::getpid()); }, kConst),
    MANAGER_PROPERTY(
        "DevicePath", "s", [](auto& it) { return it.parts().device.path(); }, kConst),
    MANAGER_PROPERTY("DeviceState", "s", device_state, kChanges),
    MANAGER_PROPERTY("DeviceMessage", "s", device_message, kChanges),
    MANAGER_PROPERTY("DeviceAdvice", "s", device_advice, kChanges),
    MANAGER_PROPERTY("DeviceOpenedUsec", "t", device_opened, kChanges),
    MANAGER_PROPERTY(
        "KernelFeatures", "u", [](auto&) { return kernel_features(); }, 0),
    MANAGER_PROPERTY("Received", "t", count<&RequestCounts::received>, 0),
    MANAGER_PROPERTY(
        "InFlight", "u",
        [](auto& it) { return static_cast<std::uint32_t>(it.parts().requests.in_flight()); }, 0),
    MANAGER_PROPERTY("Answered", "t", count<&RequestCounts::answered>, 0),
    SD_BUS_PROPERTY("Failed", "a{st}", get_failed, 0, 0),
    SD_BUS_PROPERTY("Channels", "a(uuttt)", get_channels, 0, 0),
    MANAGER_PROPERTY("Stale", "t", count<&RequestCounts::stale>, 0),
    MANAGER_PROPERTY("Late", "t", count<&RequestCounts::late>, 0),
    MANAGER_PROPERTY("Malformed", "t", count<&RequestCounts::malformed>, 0),
    MANAGER_PROPERTY(
        "DeviceLosses", "t", [](auto& it) { return it.parts().device.losses(); }, 0),
    MANAGER_PROPERTY(
        "OldestAgeUsec", "t", [](auto& it) { return usec(it.parts().requests.oldest_age()); }, 0),
    SD_BUS_VTABLE_END};

// --- Keys --------------------------------------------------------------------------------------

// A key as it was when somebody asked for its object.
struct KeyObject {
    BusService* service = nullptr;
    std::optional<KeyInfo> info;
};

std::uint64_t expires_usec(const KeyObject& key) {
    const auto left = keyring::times_left(keyring::listed_keys());
    const auto found = left.find(key.info->serial);
    return found == left.end() ? 0 : usec(std::chrono::system_clock::now() + found->second);
}

template <auto Do>
int key_method(sd_bus_message* message, void* object, sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        const auto* key = static_cast<KeyObject*>(object);
        run_for_own_user(message, [service = key->service, signature = key->info->signature](
                                      const BusCall& call) { (service->*Do)(call, signature); });
        return 1;
    });
}

template <unsigned Percent>
std::uint64_t key_latency(const KeyObject& key) {
    return static_cast<std::uint64_t>(key.info->counts.latency.percentile(Percent).count());
}

#define KEY_PROPERTY(name, type, value, flags) \
    SD_BUS_PROPERTY(name, type, (get<KeyObject, value>), 0, flags)

const sd_bus_vtable kKeyTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("Unlock", SD_BUS_ARGS("h", secret), SD_BUS_NO_RESULT,
                            key_method<&BusService::unlock_key>, kMethod),
    SD_BUS_METHOD_WITH_ARGS("Lock", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
                            key_method<&BusService::lock_key>, kMethod),
    KEY_PROPERTY(
        "Signature", "s", [](auto& it) { return it.info->signature.text(); }, kConst),
    KEY_PROPERTY(
        "Module", "s", [](auto& it) { return it.info->module; }, kChanges),
    KEY_PROPERTY(
        "Locator", "s", [](auto& it) { return it.info->locator; }, kChanges),
    KEY_PROPERTY(
        "State", "s", [](auto& it) { return dbus::state_name(it.info->state); }, kChanges),
    KEY_PROPERTY(
        "Serial", "i", [](auto& it) { return it.info->serial.value; }, kChanges),
    KEY_PROPERTY(
        "Keyring", "s",
        [](auto& it) {
            return keyring::keyring_name(it.info->in_user_keyring ? keyring::Keyring::kUser
                                                                  : keyring::Keyring::kSession);
        },
        kChanges),
    KEY_PROPERTY("ExpiresUsec", "t", expires_usec, 0),
    KEY_PROPERTY(
        "Answered", "t", [](auto& it) { return it.info->counts.answered; }, 0),
    KEY_PROPERTY(
        "Failed", "t", [](auto& it) { return it.info->counts.failed; }, 0),
    KEY_PROPERTY("LatencyMedianUsec", "t", key_latency<50>, 0),
    KEY_PROPERTY("LatencyP99Usec", "t", key_latency<99>, 0),
    SD_BUS_VTABLE_END};

int find_key(sd_bus* /*bus*/, const char* path, const char* /*interface*/, void* data, void** found,
             sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        static KeyObject current;  // sd-bus looks at one object at a time
        const auto signature = dbus::key_at_path(path);
        if (!signature) {
            return 0;
        }
        current.service = static_cast<BusService*>(data);
        current.info = current.service->parts().keys.find(*signature);
        *found = &current;
        return current.info ? 1 : 0;
    });
}

// --- Modules -----------------------------------------------------------------------------------

struct ModuleObject {
    std::string name;
    HostInfo host;
    const LatencyHistogram* latency = nullptr;
};

#define MODULE_PROPERTY(name, type, value, flags) \
    SD_BUS_PROPERTY(name, type, (get<ModuleObject, value>), 0, flags)

template <unsigned Percent>
std::uint64_t module_latency(const ModuleObject& module) {
    return static_cast<std::uint64_t>(module.latency->percentile(Percent).count());
}

std::uint64_t host_started(const ModuleObject& module) {
    return module.host.pid == 0 ? 0 : usec(module.host.started_at);
}

const sd_bus_vtable kModuleTable[] = {
    SD_BUS_VTABLE_START(0),
    MODULE_PROPERTY(
        "Name", "s", [](auto& it) { return it.name; }, kConst),
    MODULE_PROPERTY(
        "Version", "s", [](auto& it) { return it.host.version; }, kChanges),
    MODULE_PROPERTY(
        "Description", "s", [](auto& it) { return it.host.description; }, kChanges),
    MODULE_PROPERTY(
        "HostPid", "u", [](auto& it) { return static_cast<std::uint32_t>(it.host.pid); }, kChanges),
    MODULE_PROPERTY("HostStartedUsec", "t", host_started, kChanges),
    MODULE_PROPERTY(
        "Restarts", "u", [](auto& it) { return it.host.restarts; }, kChanges),
    MODULE_PROPERTY("LatencyMedianUsec", "t", module_latency<50>, 0),
    MODULE_PROPERTY("LatencyP99Usec", "t", module_latency<99>, 0),
    SD_BUS_VTABLE_END};

int find_module(sd_bus* /*bus*/, const char* path, const char* /*interface*/, void* data,
                void** found, sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        static ModuleObject current;
        const auto& parts = static_cast<BusService*>(data)->parts();
        for (const auto& name : parts.hosts.modules()) {
            if (dbus::module_path(name.text()) == path) {
                current = {name.text(), *parts.hosts.info(name), &parts.requests.latency(name)};
                *found = &current;
                return 1;
            }
        }
        return 0;
    });
}

// --- The list of objects
// ---------------------------------------------------------------------------

int list_objects(sd_bus* /*bus*/, const char* /*prefix*/, void* data, char*** nodes,
                 sd_bus_error* /*error*/) noexcept {
    return guarded(kObject, [&] {
        const auto& parts = static_cast<BusService*>(data)->parts();
        std::vector<std::string> paths;
        for (const auto& signature : parts.keys.list()) {
            paths.push_back(dbus::key_path(signature));
        }
        for (const auto& name : parts.hosts.modules()) {
            paths.push_back(dbus::module_path(name.text()));
        }
        auto** list = static_cast<char**>(std::calloc(paths.size() + 1, sizeof(char*)));
        for (std::size_t i = 0; list != nullptr && i < paths.size(); ++i) {
            list[i] = ::strdup(paths[i].c_str());  // sd-bus frees them
        }
        *nodes = list;
        return list == nullptr ? -ENOMEM : 0;
    });
}

}  // namespace

int add_bus_objects(sd_bus* bus, BusService& service) {
    int result = ::sd_bus_add_object_vtable(bus, nullptr, dbus::kManagerPath,
                                            dbus::kManagerInterface, kManagerTable, &service);
    const auto then = [&](auto add) { result = result < 0 ? result : add(); };
    then([&] {
        return ::sd_bus_add_fallback_vtable(bus, nullptr, dbus::kKeyPathPrefix, dbus::kKeyInterface,
                                            kKeyTable, find_key, &service);
    });
    then([&] {
        return ::sd_bus_add_fallback_vtable(bus, nullptr, dbus::kModulePathPrefix,
                                            dbus::kModuleInterface, kModuleTable, find_module,
                                            &service);
    });
    then([&] {
        return ::sd_bus_add_node_enumerator(bus, nullptr, dbus::kManagerPath, list_objects,
                                            &service);
    });
    then([&] { return ::sd_bus_add_object_manager(bus, nullptr, dbus::kManagerPath); });
    return result;
}

}  // namespace ecryptfs::agent
