// SPDX-License-Identifier: Apache-2.0
//
// Has hosts open keys for people who wait, and close them.

#pragma once

#include <functional>
#include <span>

#include "agent/keys/key_table.h"
#include "agent/modules/key.h"
#include "agent/modules/key_hosts.h"
#include "agent/runtime/time_source.h"
#include "lib/base/error.h"

namespace ecryptfs::agent {

class KeyOpener {
  public:
    // Borrows the hosts.
    explicit KeyOpener(KeyHosts& hosts) : hosts_(hosts) {}

    // Calls `opened` once, maybe before it returns, and kOpenReplyLimit after `now` at the latest.
    void open(const KeyRef& key, Clock::time_point now,
              std::move_only_function<void(const base::Result<OpenedKey>&)> opened);
    // Cancels what opens them. Whoever waits for that is told when the host has let go.
    void close(std::span<const KeyRef> keys);

  private:
    KeyHosts& hosts_;
};

}  // namespace ecryptfs::agent
