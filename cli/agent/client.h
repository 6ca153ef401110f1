// SPDX-License-Identifier: Apache-2.0
//
// The agent, over the user bus: lib/dbus/agent_bus.h says how calls fail.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/agent/state.h"
#include "lib/base/error.h"
#include "lib/base/sealed_memfd.h"
#include "lib/dbus/agent_bus.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::cli {

struct OpenedKey {
    wire::KeySignature signature;
    std::vector<std::uint8_t> token;  // for the keyring; not a secret
    std::string warning;              // one line for the user, or empty
};

class AgentClient {
  public:
    // Connects to the bus. The first call starts the agent if it does not run yet.
    static base::Result<AgentClient> connect();

    base::Result<OpenedKey> add_key(const std::string& module, const std::string& locator,
                                    const base::SealedMemfd& secret);
    base::Result<void> register_token(const wire::KeySignature& signature,
                                      keyring::KeySerial serial);
    base::Result<void> forget_key(const wire::KeySignature& signature);
    base::Result<void> lock_all();
    base::Result<void> announce_unlocked(const wire::KeySignature& signature);
    // `key`: 8 bytes of salt and 64 of key.
    base::Result<void> hand_out_key(const wire::KeySignature& signature,
                                    const base::SealedMemfd& key);
    base::Result<void> lock_folder_key(const wire::KeySignature& signature);

    base::Result<void> lock_key(const wire::KeySignature& signature);
    base::Result<void> unlock_key(const wire::KeySignature& signature,
                                  const base::SealedMemfd& secret);
    base::Result<AgentKey> key(const wire::KeySignature& signature);

    base::Result<ManagerState> manager();
    base::Result<AgentObjects> objects();

  private:
    explicit AgentClient(dbus::AgentBus bus) : bus_(std::move(bus)) {}
    base::Result<Properties> properties(const std::string& path, const char* interface);

    dbus::AgentBus bus_;
};

struct AgentSnapshot {
    ManagerState manager;
    AgentObjects objects;
};

// Asks for all that the agent says about itself, over a new connection.
base::Result<AgentSnapshot> ask_agent();

}  // namespace ecryptfs::cli
