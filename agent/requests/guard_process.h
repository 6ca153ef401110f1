// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace ecryptfs::agent {

// What the guard keeps of its parent, the broker.
struct Guarded {
    pid_t broker;
    int device;
    int memory;     // of Handover
    int poke;       // eventfd: the broker looks at the device
    int life_line;  // pipe, hung up when neither broker nor service manager keeps the device
    const std::atomic<std::uint64_t>& frames_read;  // by the broker
};

// The guard's life; DeviceGuard says why there is one. Runs in a fork of the broker, which has one
// thread, so it needs no program of its own. It does not have the broker's secrets: the memory of
// SecretBytes and Handover is not copied by fork().
[[noreturn]] void run_guard(const Guarded& guarded);

}  // namespace ecryptfs::agent
