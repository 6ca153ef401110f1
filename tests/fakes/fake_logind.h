// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/handle.h"

struct sd_bus;

namespace ecryptfs::test {

// As much of the login manager on a bus as the agent talks to. Two sessions: one of this user, one
// of another.
class FakeLogind {
  public:
    explicit FakeLogind(const std::string& bus_address);
    FakeLogind(const FakeLogind&) = delete;
    FakeLogind& operator=(const FakeLogind&) = delete;
    ~FakeLogind();

    // Whether somebody has the machine wait before it sleeps.
    bool sleep_is_delayed();
    void prepare_for_sleep(bool begins);

    enum class Whose : std::uint8_t { kOurs, kOthers };
    // As "loginctl lock-session" does.
    void ask_to_lock(Whose session);
    // As a desktop does that has locked by itself.
    void tell_locked(Whose session, bool locked);

    // A session is no more; the user's state is now that.
    void end_session(const std::string& user_state);

    // For the objects on the bus.
    struct Session {
        uid_t uid = 0;
        int locked = 0;
    };
    struct User {
        std::string state = "active";
    };
    int inhibitor_for_caller();

  private:
    void serve(const std::stop_token& stop);

    std::mutex mutex_;  // of all below
    sd_bus* bus_ = nullptr;
    Session ours_;
    Session others_;
    User user_;
    std::vector<base::UniqueFd> inhibitors_;  // readable at their end
    std::jthread thread_;
};

}  // namespace ecryptfs::test
