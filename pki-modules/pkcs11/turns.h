// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <mutex>
#include <shared_mutex>

namespace ecryptfs::pkcs11_module {

// Who may use a token now. Most operations share it; those that must not be interrupted have it to
// themselves. A card uses a PIN that was given for one use for the next operation, whoever's that
// is; and a logout breaks off all other operations.
//
// Lock order: a session, then at most one turn, then Login's mutex and all others. The session
// comes first because those who hold the last ones may wait for a turn. SessionPool takes turns of
// its own, so do not ask it for a session during a turn.
class Turns {
  public:
    // The turn lasts as long as this.
    struct Turn {
        std::shared_lock<std::shared_mutex> shared;
        std::unique_lock<std::shared_mutex> exclusive;
    };

    Turn take_shared() {
        const std::scoped_lock queue(queue_);
        return {std::shared_lock(mutex_), {}};
    }
    Turn take_exclusive() {
        const std::scoped_lock queue(queue_);
        return {{}, std::unique_lock(mutex_)};
    }

  private:
    std::mutex queue_;  // so that an exclusive turn is not put off for ever
    std::shared_mutex mutex_;
};

}  // namespace ecryptfs::pkcs11_module
