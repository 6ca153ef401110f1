// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace ecryptfs::agent {

// What the guard is left with of what its parent, the broker, had.
struct Guarded {
    pid_t broker;
    int device;
    int memory;     // of Handover
    int poke;       // eventfd: the broker looks at the device
    int life_line;  // pipe, hung up when neither broker nor service manager keeps the device
    const std::atomic<std::uint64_t>& frames_read;  // by the broker
};

// The guard's life: DeviceGuard says what for. Runs in a fork of the broker, which has one thread,
// so there is no need for a program of its own. The broker's secrets are not in it: SecretBytes and
// Handover are not for children.
[[noreturn]] void run_guard(const Guarded& guarded);

}  // namespace ecryptfs::agent
