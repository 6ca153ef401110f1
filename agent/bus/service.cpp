// SPDX-License-Identifier: Apache-2.0

#include "agent/bus/service.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "agent/bus/objects.h"
#include "agent/runtime/datagram.h"
#include "agent/runtime/exception_wall.h"
#include "agent/runtime/time_limits.h"
#include "lib/dbus/message.h"
#include "lib/dbus/names.h"
#include "lib/dbus/paths.h"
#include "lib/keyring/hidden_token.h"

namespace ecryptfs::agent {
namespace {

using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;

// D-Bus specification, RequestName.
constexpr std::uint32_t kPrimaryOwner = 1;

}  // namespace

void when_forgotten(HostPool& hosts, Channels& channels,
                    std::move_only_function<void(Result<void>)> done) {
    struct Both {
        std::move_only_function<void(Result<void>)> done;
        Result<void> result = {};
        int left = 2;

        void finish(const Result<void>& one) {
            result = result ? one : result;
            if (--left == 0) {
                done(result);
            }
        }
    };
    const auto both = std::make_shared<Both>(Both{std::move(done)});
    hosts.when_closed([both] { both->finish({}); });
    channels.when_confirmed([both](const Result<void>& confirmed) { both->finish(confirmed); });
}

BusService::BusService(EventLoop& loop, AgentParts parts)
    : loop_(loop),
      parts_(parts),
      link_(loop, "user bus", ::sd_bus_open_user, [this](sd_bus* bus) { return set_up(bus); }) {
    parts_.device.on_change([this] {
        device_changed_ = true;
        plan_announcement();
    });
    parts_.keys.on_change([this](const wire::KeySignature& signature) {
        changed_keys_.insert(signature);
        plan_announcement();
    });
    parts_.hosts.on_change([this](const wire::PkiType& module) {
        changed_modules_.insert(module);
        plan_announcement();
    });
    parts_.requests.on_locked_key([this](const wire::KeySignature& signature) {
        wanted_keys_.insert(signature);
        plan_announcement();
    });
}

void BusService::start() {
    plan_announcement();
    if (!link_.start()) {
        log_line(Priority::kWarning,
                 "no user bus, so that ecryptfsctl cannot reach this agent; it serves the tokens "
                 "that it finds in the user keyring");
        notify_service_manager("READY=1");
    }
}

int BusService::set_up(sd_bus* bus) {
    int result =
        ::sd_bus_add_filter(bus, nullptr, message_handler<&BusService::message_arrived>, this);
    result = result < 0 ? result : add_bus_objects(bus, *this);
    return result < 0
               ? result
               : ::sd_bus_request_name_async(bus, nullptr, dbus::kBusName, 0,
                                             message_handler<&BusService::name_answered>, this);
}

// Runs before sd-bus looks at the objects: the caller wants the state of now.
void BusService::message_arrived(sd_bus_message* message) {
    if (::sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0) {
        return;
    }
    parts_.keys.refresh_from_keyring();
    // Shows an unusable token to a caller that asks for it by name.
    if (const auto signature = dbus::key_at_path(::sd_bus_message_get_path(message))) {
        static_cast<void>(parts_.keys.refresh_from_keyring(*signature));
    }
}

void BusService::name_answered(sd_bus_message* reply) {
    std::uint32_t answer = 0;
    if (::sd_bus_message_is_method_error(reply, nullptr) != 0) {
        log_line(Priority::kError, fmt::format("cannot get the bus name {}: {}", dbus::kBusName,
                                               ::sd_bus_message_get_error(reply)->message));
        return;
    }
    if (::sd_bus_message_read_basic(reply, 'u', &answer) <= 0 || answer != kPrimaryOwner) {
        log_line(Priority::kError, "another ecryptfs-agent serves this bus");
        loop_.exit(base::traits(ErrorCode::kDeviceBusy).status);
        return;
    }
    notify_service_manager("READY=1");
}

// --- Methods -----------------------------------------------------------------------------------

void BusService::add_key(const BusCall& call) {
    const auto module_name = call.read_text();
    const auto locator = module_name ? call.read_text() : module_name;
    if (!locator) {
        call.fail(locator.error());
        return;
    }
    const auto module = wire::PkiType::from_text(*module_name);
    if (!module) {
        call.fail({ErrorCode::kUnknownModule,
                   fmt::format("\"{}\" cannot be the name of a PKI module", *module_name),
                   "a name has 1 to 16 lower-case letters, digits and hyphens"});
        return;
    }
    auto secret = call.read_secret();
    if (!secret) {
        call.fail(secret.error());
        return;
    }
    parts_.keys.add(*module, *locator, std::move(*secret), [this, call](Result<AddedKey> added) {
        if (!added) {
            call.fail(added.error());
            return;
        }
        expect_token(added->signature);
        call.succeed([&](dbus::MessageWriter& results) {
            results.write_text(added->signature.text());
            results.write_bytes(added->token);
            results.write_text(added->warning);
        });
    });
}

void BusService::expect_token(const wire::KeySignature& signature) {
    auto timer = loop_.timer(1s, [this, signature] {
        parts_.keys.abandon(signature);
        awaited_tokens_.erase(signature);
    });
    timer.run_after(kTokenLimit);
    awaited_tokens_.insert_or_assign(signature, std::move(timer));
}

void BusService::register_token(const BusCall& call) {
    const auto signature = call.read_signature();
    const auto serial = call.read_number();
    if (!signature || !serial) {
        call.fail(signature ? serial.error() : signature.error());
        return;
    }
    if (auto registered = parts_.keys.register_token(*signature, keyring::KeySerial{*serial});
        !registered) {
        call.fail(registered.error());
        return;
    }
    awaited_tokens_.erase(*signature);
    call.succeed(
        [&](dbus::MessageWriter& results) { results.write_path(dbus::key_path(*signature)); });
}

void BusService::forget_key(const BusCall& call) {
    const auto signature = call.read_signature();
    if (!signature) {
        call.fail(signature.error());
        return;
    }
    awaited_tokens_.erase(*signature);
    parts_.keys.forget(*signature);
    finish_when_closed(call, {});
}

void BusService::lock_all(const BusCall& call) {
    parts_.keys.lock_all();
    parts_.channels.tell(channel::NoteType::kLocked, std::nullopt);
    finish_when_closed(call, {});
}

void BusService::open_channel(const BusCall& call) {
    const auto client = call.read_number();
    if (!client) {
        call.fail(client.error());
        return;
    }
    const auto channel = parts_.channels.open(*client);
    if (!channel) {
        call.fail(channel.error());
        return;
    }
    call.succeed([&](dbus::MessageWriter& results) { results.write_descriptor(channel->get()); });
}

void BusService::announce_unlocked(const BusCall& call) {
    const auto signature = call.read_signature();
    if (!signature) {
        call.fail(signature.error());
        return;
    }
    parts_.channels.tell(channel::NoteType::kUnlocked, *signature);
    call.succeed();
}

// What is in the keyring of a folder's key nobody can read, and this process does not keep it.
void BusService::hand_out_key(const BusCall& call) {
    const auto signature = call.read_signature();
    const auto salt_and_key = signature ? call.read_secret() : std::unexpected(signature.error());
    if (!salt_and_key) {
        call.fail(salt_and_key.error());
        return;
    }
    auto handed = std::make_shared<channel::HandedKey>();
    const auto bytes = *salt_and_key ? (*salt_and_key)->view() : base::ByteView();
    if (bytes.size() != handed->salt.size() + channel::HandedKey::kKeySize) {
        call.fail({ErrorCode::kInvalidArgument, "a key is handed out as 8 bytes of salt and 64"});
        return;
    }
    std::ranges::copy(bytes.first(handed->salt.size()), handed->salt.begin());
    auto key = base::SecretBytes::copy(bytes.subspan(handed->salt.size()));
    if (!key) {
        call.fail(key.error());
        return;
    }
    handed->key = std::move(*key);
    parts_.channels.tell(
        {.type = channel::NoteType::kUnlocked, .signature = *signature, .key = std::move(handed)});
    parts_.channels.when_confirmed([call](const Result<void>& done) { call.finish(done); });
}

void BusService::lock_folder_key(const BusCall& call) {
    const auto signature = call.read_signature();
    if (!signature) {
        call.fail(signature.error());
        return;
    }
    keyring::drop_hidden_token(*signature);
    parts_.channels.tell(channel::NoteType::kLocked, *signature);
    finish_when_closed(call, {});
}

void BusService::unlock_key(const BusCall& call, const wire::KeySignature& signature) {
    auto secret = call.read_secret();
    if (!secret) {
        call.fail(secret.error());
        return;
    }
    parts_.keys.unlock(signature, std::move(*secret),
                       [call](const Result<void>& unlocked) { call.finish(unlocked); });
}

void BusService::lock_key(const BusCall& call, const wire::KeySignature& signature) {
    finish_when_closed(call, parts_.keys.lock(signature));
}

// A caller that is told that a key is locked may rely on it: no process has it in memory, nor what
// it opened.
void BusService::finish_when_closed(const BusCall& call, Result<void> result) {
    when_forgotten(parts_.hosts, parts_.channels,
                   [call, result = std::move(result)](const Result<void>& forgotten) {
                       call.finish(result ? forgotten : result);
                   });
}

// --- Signals -----------------------------------------------------------------------------------

void BusService::plan_announcement() {
    if (!announcement_) {
        announcement_ = loop_.when_idle([this] {
            announcement_ = {};
            announce_changes();
        });
    }
}

void BusService::announce_changes() {
    if (std::exchange(device_changed_, false)) {
        const auto& error = parts_.device.error();
        notify_service_manager(
            fmt::format("STATUS={}", error ? error->message : "Serving the kernel."));
        if (link_.get() != nullptr) {
            ::sd_bus_emit_properties_changed(
                link_.get(), dbus::kManagerPath, dbus::kManagerInterface, "DeviceState",
                "DeviceMessage", "DeviceAdvice", "DeviceOpenedUsec", nullptr);
        }
    }
    if (link_.get() == nullptr) {
        return;
    }
    for (const auto& signature : std::exchange(changed_keys_, {})) {
        announce_key(signature);
    }
    for (const auto& module : std::exchange(changed_modules_, {})) {
        announce_module(module);
    }
    for (const auto& signature : std::exchange(wanted_keys_, {})) {
        signal_needed_secret(signature);
    }
}

void BusService::announce_key(const wire::KeySignature& signature) {
    const auto path = dbus::key_path(signature);
    if (!parts_.keys.find(signature)) {
        if (shown_keys_.erase(signature) > 0) {
            ::sd_bus_emit_object_removed(link_.get(), path.c_str());
        }
    } else if (shown_keys_.insert(signature).second) {
        ::sd_bus_emit_object_added(link_.get(), path.c_str());
    } else {
        ::sd_bus_emit_properties_changed(link_.get(), path.c_str(), dbus::kKeyInterface, "State",
                                         "Serial", "Keyring", "Locator", "Module", nullptr);
    }
}

void BusService::announce_module(const wire::PkiType& module) {
    const auto path = dbus::module_path(module.text());
    if (!parts_.hosts.info(module)) {
        if (shown_modules_.erase(module) > 0) {
            ::sd_bus_emit_object_removed(link_.get(), path.c_str());
        }
    } else if (shown_modules_.insert(module).second) {
        ::sd_bus_emit_object_added(link_.get(), path.c_str());
    } else {
        ::sd_bus_emit_properties_changed(link_.get(), path.c_str(), dbus::kModuleInterface,
                                         "Version", "Description", "HostPid", "HostStartedUsec",
                                         "Restarts", nullptr);
    }
}

void BusService::signal_needed_secret(const wire::KeySignature& signature) {
    if (!signal_limit_.allows(loop_.now())) {
        return;
    }
    const auto info = parts_.keys.find(signature);
    ::sd_bus_emit_signal(link_.get(), dbus::kManagerPath, dbus::kManagerInterface, "SecretNeeded",
                         "ss", std::string(signature.text()).c_str(),
                         info ? info->locator.c_str() : "");
}

}  // namespace ecryptfs::agent
