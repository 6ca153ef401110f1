// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {

// A dbus-daemon of the test's own, which ends with the object.
class PrivateBus {
  public:
    // What it and the services that it starts say on standard error.
    enum class Messages : std::uint8_t { kShown, kHidden };

    explicit PrivateBus(Messages messages = Messages::kShown);

    const std::string& address() const { return address_; }
    // What makes a program use it, also as the system bus.
    Environment environment() const {
        return {{"DBUS_SESSION_BUS_ADDRESS", address_}, {"DBUS_SYSTEM_BUS_ADDRESS", address_}};
    }

    // From now on the bus starts `command` when somebody calls `name`.
    void add_service(const std::string& name, const std::string& command) const;

    // Ends it, with all its connections; begins again, at the same address.
    void stop() { daemon_.reset(); }
    void start();

  private:
    Messages messages_;
    TemporaryFolder folder_;
    std::string configuration_;
    std::string address_;
    std::optional<Process> daemon_;
};

}  // namespace ecryptfs::test
