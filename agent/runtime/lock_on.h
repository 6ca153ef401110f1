// SPDX-License-Identifier: Apache-2.0

#pragma once

namespace ecryptfs::agent {

// The events that lock the keys.
struct LockOn {
    bool suspend = true;
    bool screen_lock = false;
    bool log_out = true;

    bool any() const { return suspend || screen_lock || log_out; }
};

}  // namespace ecryptfs::agent
