// SPDX-License-Identifier: Apache-2.0

#include "agent/bus/session_watch.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <utility>

#include "agent/runtime/exception_wall.h"
#include "agent/runtime/log.h"

namespace ecryptfs::agent {
namespace {

constexpr char kBus[] = "org.freedesktop.DBus";
constexpr char kBusPath[] = "/org/freedesktop/DBus";
constexpr char kLogindOwner[] =
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
    "member='NameOwnerChanged',arg0='org.freedesktop.login1'";
constexpr char kLogind[] = "org.freedesktop.login1";
constexpr char kManagerPath[] = "/org/freedesktop/login1";
constexpr char kManager[] = "org.freedesktop.login1.Manager";
constexpr char kSession[] = "org.freedesktop.login1.Session";
constexpr char kUser[] = "org.freedesktop.login1.User";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";

// Like sd_bus_open_system(), but without messages that carry descriptors: any user could send us
// descriptors whose close never ends.
int open_without_descriptors(sd_bus** opened) {
    const char* address = ::secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
    sd_bus* bus = nullptr;
    int result = ::sd_bus_new(&bus);
    if (result >= 0) {
        result = ::sd_bus_set_address(
            bus, address != nullptr ? address : "unix:path=/run/dbus/system_bus_socket");
    }
    if (result >= 0) {
        result = ::sd_bus_set_bus_client(bus, 1);
    }
    if (result >= 0) {
        result = ::sd_bus_negotiate_fds(bus, 0);
    }
    if (result >= 0) {
        result = ::sd_bus_start(bus);
    }
    *opened = result < 0 ? ::sd_bus_unref(bus) : bus;
    return result;
}

template <auto Heard>
int signal_handler(sd_bus_message* signal, void* self, sd_bus_error* error) noexcept {
    return static_cast<SessionWatch*>(self)->is_from_logind(signal)
               ? message_handler<Heard>(signal, self, error)
               : 0;
}

int hear_signal(sd_bus* bus, const char* interface, const char* member,
                sd_bus_message_handler_t heard, SessionWatch* self) {
    return ::sd_bus_match_signal_async(bus, nullptr, kLogind, nullptr, interface, member, heard,
                                       nullptr, self);
}

bool failed(sd_bus_message* reply) {
    return ::sd_bus_message_is_method_error(reply, nullptr) != 0;
}

bool has_sender(sd_bus_message* signal, std::string_view name) {
    const char* sender = ::sd_bus_message_get_sender(signal);
    return sender != nullptr && sender == name;
}

// Whether a PropertiesChanged of a session says that its screen is locked now.
bool says_locked(sd_bus_message* signal) {
    const char* interface = nullptr;
    if (::sd_bus_message_read(signal, "s", &interface) <= 0 ||
        std::string_view(interface) != kSession ||
        ::sd_bus_message_enter_container(signal, 'a', "{sv}") <= 0) {
        return false;
    }
    while (::sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
        const char* name = nullptr;
        int locked = 0;
        if (::sd_bus_message_read(signal, "s", &name) > 0 &&
            std::string_view(name) == "LockedHint") {
            return ::sd_bus_message_read(signal, "v", "b", &locked) > 0 && locked != 0;
        }
        ::sd_bus_message_skip(signal, "v");
        ::sd_bus_message_exit_container(signal);
    }
    return false;
}

}  // namespace

SessionWatch::SessionWatch(EventLoop& loop, LockOn events, Lock lock)
    : events_(events),
      lock_(std::move(lock)),
      link_(loop, "system bus", open_without_descriptors,
            [this](sd_bus* bus) { return set_up(bus); }),
      sleep_delay_(loop) {}

void SessionWatch::start() {
    if (events_.any() && !link_.start()) {
        log_line(Priority::kNotice,
                 "no system bus: keys are not locked when the machine sleeps, the screen is locked "
                 "or the last session ends");
    }
}

int SessionWatch::set_up(sd_bus* bus) {
    int result = find_logind(bus);
    const auto hear = [&](bool wanted, const char* interface, const char* member,
                          sd_bus_message_handler_t heard) {
        if (wanted && result >= 0) {
            result = hear_signal(bus, interface, member, heard, this);
        }
    };
    hear(events_.suspend, kManager, "PrepareForSleep",
         signal_handler<&SessionWatch::sleep_announced>);
    hear(events_.screen_lock, kSession, "Lock", signal_handler<&SessionWatch::session_locked>);
    // The only sign of desktops that lock the screen themselves.
    hear(events_.screen_lock, kProperties, "PropertiesChanged",
         signal_handler<&SessionWatch::session_changed>);
    hear(events_.log_out, kManager, "SessionRemoved",
         signal_handler<&SessionWatch::session_removed>);
    if (result >= 0 && events_.suspend) {
        sleep_delay_.start();
    }
    return result;
}

// --- The sender --------------------------------------------------------------------------------

int SessionWatch::find_logind(sd_bus* bus) {
    const int result = ::sd_bus_add_match_async(
        bus, nullptr, kLogindOwner, message_handler<&SessionWatch::logind_renamed>, nullptr, this);
    return result < 0 ? result
                      : ::sd_bus_call_method_async(
                            bus, nullptr, kBus, kBusPath, kBus, "GetNameOwner",
                            message_handler<&SessionWatch::logind_named>, this, "s", kLogind);
}

void SessionWatch::logind_named(sd_bus_message* reply) {
    const char* owner = "";
    logind_ = !failed(reply) && ::sd_bus_message_read(reply, "s", &owner) > 0 ? owner : "";
}

void SessionWatch::logind_renamed(sd_bus_message* signal) {
    const char* owner = "";
    if (has_sender(signal, kBus) &&
        ::sd_bus_message_read(signal, "sss", nullptr, nullptr, &owner) > 0) {
        logind_ = owner;
    }
}

bool SessionWatch::is_from_logind(sd_bus_message* signal) const {
    return has_sender(signal, logind_);
}

// --- Sleep -------------------------------------------------------------------------------------

void SessionWatch::sleep_announced(sd_bus_message* signal) {
    int begins = 0;
    if (::sd_bus_message_read(signal, "b", &begins) <= 0) {
        return;
    }
    if (begins == 0) {
        sleep_delay_.start();
        return;
    }
    lock_("the machine goes to sleep",
          [delay = sleep_delay_.release_delay()]() mutable { delay.reset(); });
}

// --- Sessions ----------------------------------------------------------------------------------

void SessionWatch::session_locked(sd_bus_message* signal) {
    lock_if_ours(::sd_bus_message_get_path(signal));
}

void SessionWatch::session_changed(sd_bus_message* signal) {
    if (says_locked(signal)) {
        lock_if_ours(::sd_bus_message_get_path(signal));
    }
}

// logind's signals are about the sessions of all users.
void SessionWatch::lock_if_ours(const char* session) {
    ::sd_bus_call_method_async(link_.get(), nullptr, kLogind, session, kProperties, "Get",
                               message_handler<&SessionWatch::session_user_arrived>, this, "ss",
                               kSession, "User");
}

void SessionWatch::session_user_arrived(sd_bus_message* reply) {
    std::uint32_t uid = 0;
    if (!failed(reply) && ::sd_bus_message_read(reply, "v", "(uo)", &uid, nullptr) > 0 &&
        uid == ::getuid()) {
        lock_("the screen is locked", [] {});
    }
}

void SessionWatch::session_removed(sd_bus_message* /*signal*/) {
    const auto user = fmt::format("{}/user/_{}", kManagerPath, ::getuid());
    ::sd_bus_call_method_async(link_.get(), nullptr, kLogind, user.c_str(), kProperties, "Get",
                               message_handler<&SessionWatch::user_state_arrived>, this, "ss",
                               kUser, "State");
}

void SessionWatch::user_state_arrived(sd_bus_message* reply) {
    const char* state = "";
    const bool there = !failed(reply) && ::sd_bus_message_read(reply, "v", "s", &state) > 0 &&
                       (std::string_view(state) == "online" || std::string_view(state) == "active");
    if (!there) {
        lock_("the last session has ended", [] {});
    }
}

}  // namespace ecryptfs::agent
