// SPDX-License-Identifier: Apache-2.0
//
// A program on the bus that calls the agent as it likes and hears its signals.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "tests/fakes/fake_kernel.h"

struct sd_bus;
struct sd_bus_message;

namespace ecryptfs::test {

// A signal of the agent; `body` is what sd_bus_message_dump() makes of its arguments.
struct Signal {
    std::string path;
    std::string member;
    std::string body;
};

// What a call gave: an error's name without the prefix, "" for success.
struct CallResult {
    std::string error;
    std::string error_text;
    std::shared_ptr<sd_bus_message> reply;
};

class BusClient {
  public:
    // Hears signals from now on.
    explicit BusClient(const std::string& address);
    BusClient(const BusClient&) = delete;
    BusClient& operator=(const BusClient&) = delete;
    ~BusClient();

    // Calls a method of the agent; `types` and what follows as for sd_bus_message_append().
    template <typename... Arguments>
    CallResult call(const std::string& path, const char* interface, const char* member,
                    const char* types = "", Arguments... arguments) {
        return finish_call(path, interface, member, [&](sd_bus_message* message) {
            return append(message, types, arguments...);
        });
    }

    // The same, but waits for no answer, and there is none.
    template <typename... Arguments>
    void post(const std::string& path, const char* interface, const char* member, const char* types,
              Arguments... arguments) {
        finish_post(path, interface, member,
                    [&](sd_bus_message* message) { return append(message, types, arguments...); });
    }

    std::string introspect(const std::string& path);

    struct AddedKey {
        std::string error;
        std::string signature;
        Bytes token;
    };
    AddedKey add_key(const char* module, const char* locator, int secret_fd);

    // Waits for a signal that was not waited for yet, and for which `wanted` holds.
    Signal wait_for_signal(const std::function<bool(const Signal&)>& wanted);
    // The same by member and a part of the body.
    Signal wait_for_signal(const std::string& member, const std::string& part);

  private:
    CallResult finish_call(const std::string& path, const char* interface, const char* member,
                           const std::function<int(sd_bus_message*)>& fill);
    void finish_post(const std::string& path, const char* interface, const char* member,
                     const std::function<int(sd_bus_message*)>& fill);
    static int append(sd_bus_message* message, const char* types, ...);
    void take_signal(sd_bus_message* message);

    sd_bus* bus_ = nullptr;
    std::vector<Signal> signals_;
};

}  // namespace ecryptfs::test
