// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <mutex>
#include <shared_mutex>

namespace ecryptfs::pkcs11_module {

// Who may use a token now. Most may beside each other; what must not be interrupted is done alone.
// A card holds a PIN that is given for one use for the next operation only, whosever it is; and a
// logout breaks off what others do.
//
// Order: first a session, as those who have the last ones may wait for a turn; then a turn, and
// only one; then Login's lock and all others. SessionPool takes turns of its own to open and look
// at sessions, so that nobody who has a turn may ask it for one.
class Turns {
  public:
    // Ends the turn when it goes.
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
    std::mutex queue_;  // so that one who wants to be alone is not put off for ever
    std::shared_mutex mutex_;
};

}  // namespace ecryptfs::pkcs11_module
