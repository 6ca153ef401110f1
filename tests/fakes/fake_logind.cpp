// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/fake_logind.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "tests/support/command.h"

namespace ecryptfs::test {
namespace {

constexpr char kManagerPath[] = "/org/freedesktop/login1";
constexpr char kManager[] = "org.freedesktop.login1.Manager";
constexpr char kSession[] = "org.freedesktop.login1.Session";

constexpr const char* path_of(FakeLogind::Whose session) {
    return session == FakeLogind::Whose::kOurs ? "/org/freedesktop/login1/session/_31"
                                               : "/org/freedesktop/login1/session/_32";
}

int inhibit(sd_bus_message* call, void* logind, sd_bus_error* /*error*/) {
    const char* what = nullptr;
    const char* mode = nullptr;
    ::sd_bus_message_read(call, "ssss", &what, nullptr, nullptr, &mode);
    EXPECT_STREQ(what, "sleep");
    EXPECT_STREQ(mode, "delay");
    const base::UniqueFd fd(static_cast<FakeLogind*>(logind)->inhibitor_for_caller());
    return ::sd_bus_reply_method_return(call, "h", fd.get());
}

int user_of(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void* session,
            sd_bus_error*) {
    const auto uid = static_cast<FakeLogind::Session*>(session)->uid;
    return ::sd_bus_message_append(reply, "(uo)", uid, "/org/freedesktop/login1/user/_0");
}

int is_locked(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void* session,
              sd_bus_error*) {
    return ::sd_bus_message_append(reply, "b", static_cast<FakeLogind::Session*>(session)->locked);
}

int state_of(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void* user,
             sd_bus_error*) {
    return ::sd_bus_message_append(reply, "s", static_cast<FakeLogind::User*>(user)->state.c_str());
}

const sd_bus_vtable kManagerTable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit, SD_BUS_VTABLE_UNPRIVILEGED), SD_BUS_VTABLE_END};
const sd_bus_vtable kSessionTable[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("User", "(uo)", user_of, 0, 0),
    SD_BUS_PROPERTY("LockedHint", "b", is_locked, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END};
const sd_bus_vtable kUserTable[] = {
    SD_BUS_VTABLE_START(0), SD_BUS_PROPERTY("State", "s", state_of, 0, 0), SD_BUS_VTABLE_END};

}  // namespace

FakeLogind::FakeLogind(const std::string& bus_address)
    : ours_{.uid = ::getuid()}, others_{.uid = ::getuid() + 1} {
    EXPECT_GE(::sd_bus_new(&bus_), 0);
    ::sd_bus_set_address(bus_, bus_address.c_str());
    ::sd_bus_set_bus_client(bus_, 1);
    ::sd_bus_negotiate_fds(bus_, 1);
    EXPECT_GE(::sd_bus_start(bus_), 0);
    const auto user_path = fmt::format("{}/user/_{}", kManagerPath, ::getuid());
    ::sd_bus_add_object_vtable(bus_, nullptr, kManagerPath, kManager, kManagerTable, this);
    ::sd_bus_add_object_vtable(bus_, nullptr, path_of(Whose::kOurs), kSession, kSessionTable,
                               &ours_);
    ::sd_bus_add_object_vtable(bus_, nullptr, path_of(Whose::kOthers), kSession, kSessionTable,
                               &others_);
    ::sd_bus_add_object_vtable(bus_, nullptr, user_path.c_str(), "org.freedesktop.login1.User",
                               kUserTable, &user_);
    EXPECT_GE(::sd_bus_request_name(bus_, "org.freedesktop.login1", 0), 0);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

FakeLogind::~FakeLogind() {
    thread_ = {};
    ::sd_bus_flush_close_unref(bus_);
}

void FakeLogind::serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        pollfd bus{};
        {
            const std::scoped_lock lock(mutex_);
            while (::sd_bus_process(bus_, nullptr) > 0) {
            }
            bus = {.fd = ::sd_bus_get_fd(bus_), .events = POLLIN, .revents = 0};
        }
        ::poll(&bus, 1, /*timeout ms*/ 10);
    }
}

int FakeLogind::inhibitor_for_caller() {
    Pipe pipe;
    inhibitors_.push_back(std::move(pipe.reader));
    return pipe.writer.release();
}

bool FakeLogind::sleep_is_delayed() {
    const std::scoped_lock lock(mutex_);
    return std::ranges::any_of(inhibitors_, [](const base::UniqueFd& reader) {
        pollfd state{.fd = reader.get(), .events = 0, .revents = 0};
        return ::poll(&state, 1, 0) == 0;  // no POLLHUP: the other end is held
    });
}

void FakeLogind::prepare_for_sleep(bool begins) {
    const std::scoped_lock lock(mutex_);
    ::sd_bus_emit_signal(bus_, kManagerPath, kManager, "PrepareForSleep", "b", begins ? 1 : 0);
}

void FakeLogind::ask_to_lock(Whose session) {
    const std::scoped_lock lock(mutex_);
    ::sd_bus_emit_signal(bus_, path_of(session), kSession, "Lock", "");
}

void FakeLogind::tell_locked(Whose session, bool locked) {
    const std::scoped_lock lock(mutex_);
    (session == Whose::kOurs ? ours_ : others_).locked = locked ? 1 : 0;
    ::sd_bus_emit_properties_changed(bus_, path_of(session), kSession, "LockedHint", nullptr);
}

void FakeLogind::end_session(const std::string& user_state) {
    const std::scoped_lock lock(mutex_);
    user_.state = user_state;
    ::sd_bus_emit_signal(bus_, kManagerPath, kManager, "SessionRemoved", "so", "1",
                         path_of(Whose::kOurs));
}

}  // namespace ecryptfs::test
