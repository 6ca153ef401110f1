// SPDX-License-Identifier: Apache-2.0
//
// A connection to a message bus. When the bus goes away, it tries to connect again, ever more
// rarely.

#pragma once

#include <functional>
#include <string>

#include "agent/runtime/event_loop.h"

struct sd_bus;
struct sd_bus_message;

namespace ecryptfs::agent {

class BusLink {
  public:
    using Open = int (*)(sd_bus**);             // such as sd_bus_open_user()
    using SetUp = std::function<int(sd_bus*)>;  // negative errno on failure

    // Borrows the loop. `name` is for the log. `set_up` adds objects and matches to each new
    // connection.
    BusLink(EventLoop& loop, std::string name, Open open, SetUp set_up);
    BusLink(const BusLink&) = delete;
    BusLink& operator=(const BusLink&) = delete;
    ~BusLink();

    // False if there is no such bus. It does not try again then.
    bool start();

    // Null while there is no connection. Messages may be sent before the bus has said hello.
    sd_bus* get() const { return bus_; }

  private:
    void connect();
    int open_and_set_up();
    void disconnected(sd_bus_message* signal);
    void retry_later();

    EventLoop& loop_;
    std::string name_;
    Open open_;
    SetUp set_up_;
    sd_bus* bus_ = nullptr;
    EventLoop::Source reconnect_;
    Clock::duration delay_;
    Clock::time_point connected_at_;
};

}  // namespace ecryptfs::agent
