// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/key_signature.h"

struct sd_bus_message;

namespace ecryptfs::dbus {
class MessageWriter;
}

namespace ecryptfs::agent {

// A method call that is to be answered, now or later. Copies mean the same call. A caller or a bus
// that is gone by then does no harm.
class BusCall {
  public:
    explicit BusCall(sd_bus_message* message);

    sd_bus_message* message() const { return message_.get(); }

    // The next argument. Failures are for fail().
    base::Result<std::string> read_text() const;
    base::Result<wire::KeySignature> read_signature() const;
    base::Result<std::int32_t> read_number() const;
    // What the sealed memfd holds; nothing if it is empty.
    base::Result<std::optional<base::SecretBytes>> read_secret() const;

    void succeed() const;
    void succeed(const std::function<void(dbus::MessageWriter&)>& write_results) const;
    void fail(const base::Error& error) const;
    void finish(const base::Result<void>& result) const;

  private:
    std::shared_ptr<sd_bus_message> message_;
};

// Runs `action` when the bus has said that the caller is this process's own user; answers anybody
// else with an error. sd-bus's own check would wait for the bus.
void if_own_user(sd_bus_message* message, std::function<void(const BusCall&)> action);

}  // namespace ecryptfs::agent
