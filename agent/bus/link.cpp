// SPDX-License-Identifier: Apache-2.0

#include "agent/bus/link.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "agent/runtime/exception_wall.h"
#include "agent/runtime/log.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

constexpr Clock::duration kFirstDelay = 1s;
constexpr Clock::duration kLastDelay = 60s;

}  // namespace

BusLink::BusLink(EventLoop& loop, std::string name, Open open, SetUp set_up)
    : loop_(loop),
      name_(std::move(name)),
      open_(open),
      set_up_(std::move(set_up)),
      reconnect_(loop.timer(1s, [this] { connect(); })),
      delay_(kFirstDelay) {}

BusLink::~BusLink() {
    ::sd_bus_close_unref(bus_);
}

bool BusLink::start() {
    connect();
    if (bus_ == nullptr) {
        reconnect_.stop();
    }
    return bus_ != nullptr;
}

void BusLink::connect() {
    bus_ = ::sd_bus_close_unref(bus_);
    connected_at_ = Clock::now();
    if (const int result = open_and_set_up(); result < 0) {
        log_line(Priority::kNotice,
                 fmt::format("connecting to the {}: {}", name_, ::strerrordesc_np(-result)));
        bus_ = ::sd_bus_close_unref(bus_);
        retry_later();
    }
}

int BusLink::open_and_set_up() {
    int result = open_(&bus_);
    if (result >= 0) {
        result = ::sd_bus_attach_event(bus_, loop_.native(), SD_EVENT_PRIORITY_NORMAL);
    }
    if (result >= 0) {
        result = ::sd_bus_match_signal_async(
            bus_, nullptr, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
            "org.freedesktop.DBus.Local", "Disconnected", message_handler<&BusLink::disconnected>,
            nullptr, this);
    }
    return result < 0 ? result : set_up_(bus_);
}

void BusLink::disconnected(sd_bus_message* /*signal*/) {
    log_line(Priority::kWarning, fmt::format("lost the {}; trying to connect again", name_));
    retry_later();
}

void BusLink::retry_later() {
    if (Clock::now() - connected_at_ > kLastDelay) {
        delay_ = kFirstDelay;  // the last connection worked
    }
    reconnect_.run_after(delay_);
    delay_ = std::min(2 * delay_, kLastDelay);
}

}  // namespace ecryptfs::agent
