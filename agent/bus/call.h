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

// A method call that waits for its answer, which may come later. Copies mean the same call. It does
// no harm if the caller or the bus is gone by then.
class BusCall {
  public:
    explicit BusCall(sd_bus_message* message);

    sd_bus_message* message() const { return message_.get(); }

    // The next argument. Pass an error to fail().
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

// Runs `action` once the bus has said that the caller is of this process's own user. Answers other
// callers with an error. sd-bus's own check would wait for the bus.
void run_for_own_user(sd_bus_message* message, std::function<void(const BusCall&)> action);

}  // namespace ecryptfs::agent
