// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/exception_wall.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>

#include <array>
#include <stdexcept>

#include "agent/runtime/event_loop.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

TEST(ExceptionWall, PassesResultsAndStopsExceptions) {
    EXPECT_EQ(guarded("test", [] { return 7; }), 7);
    EXPECT_EQ(guarded("test", []() -> int { throw std::runtime_error("on purpose"); }), -EIO);
    EXPECT_EQ(guarded("test", []() -> int { throw 7; }, 3), 3);
}

// Two ends of a connection, without a bus in between.
class BusConnection : public ::testing::Test {
  protected:
    BusConnection() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
        ours_ = start(ends[0], /*is_server=*/false);
        theirs_ = start(ends[1], /*is_server=*/true);
    }
    ~BusConnection() override {
        ::sd_bus_close_unref(ours_);
        ::sd_bus_close_unref(theirs_);
    }

    static sd_bus* start(int fd, bool is_server) {
        sd_bus* bus = nullptr;
        EXPECT_GE(::sd_bus_new(&bus), 0);
        EXPECT_GE(::sd_bus_set_fd(bus, fd, fd), 0);
        EXPECT_GE(::sd_bus_set_anonymous(bus, 1), 0);
        sd_id128_t id{};
        EXPECT_GE(::sd_id128_randomize(&id), 0);
        if (is_server) {
            EXPECT_GE(::sd_bus_set_server(bus, 1, id), 0);
        }
        EXPECT_GE(::sd_bus_start(bus), 0);
        return bus;
    }

    // All that is on its way, in both directions.
    void process() {
        for (int quiet = 0; quiet < 10;) {
            const int done = ::sd_bus_process(theirs_, nullptr) + ::sd_bus_process(ours_, nullptr);
            quiet = done > 0 ? 0 : quiet + 1;
        }
    }

    sd_bus* ours_ = nullptr;
    sd_bus* theirs_ = nullptr;
};

struct Thrower {
    int heard = 0;
    void hear(sd_bus_message* /*message*/) {
        ++heard;
        throw std::runtime_error("on purpose");
    }
};

TEST_F(BusConnection, SurvivesThrowingHandler) {
    Thrower thrower;
    ASSERT_GE(::sd_bus_add_filter(ours_, nullptr, message_handler<&Thrower::hear>, &thrower), 0);
    process();
    for (int i = 1; i <= 2; ++i) {
        ASSERT_GE(::sd_bus_emit_signal(theirs_, "/", "some.Interface", "Signal", ""), 0);
        process();
        EXPECT_EQ(thrower.heard, i);
        EXPECT_GT(::sd_bus_is_open(ours_), 0);
    }
}

TEST(EventLoop, SurvivesThrowingHandler) {
    EventLoop loop;
    auto first = loop.timer(1ms, [] { throw std::runtime_error("on purpose"); });
    auto second = loop.timer(1ms, [&] { loop.exit(7); });
    first.run_after(0ms);
    second.run_after(20ms);
    EXPECT_EQ(loop.run(), 7);
}

}  // namespace
}  // namespace ecryptfs::agent
