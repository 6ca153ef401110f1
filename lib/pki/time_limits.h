// SPDX-License-Identifier: Apache-2.0
//
// How long the agent and ecryptfsctl wait for what a PKI module does. Each limit includes the one
// before it, so that whoever knows most about a failure gets to tell of it.

#pragma once

#include <chrono>

namespace ecryptfs::pki {

// To open a key without anybody's help: slow tokens and key derivations take seconds. The agent's
// for the process; ecryptfsctl's for each answer of a process that it started itself.
inline constexpr std::chrono::seconds kOpenLimit{30};

// For a person to type a PIN at the device itself, after which the process is taken to hang.
inline constexpr std::chrono::seconds kTypingLimit{100};
// For an open that a person asked for, its time in the agent's queue included.
inline constexpr std::chrono::seconds kOpenReplyLimit{110};
// For the agent's reply on the bus to ecryptfsctl.
inline constexpr std::chrono::seconds kOpenCallLimit{120};

static_assert(kOpenLimit < kTypingLimit);
static_assert(kTypingLimit < kOpenReplyLimit);
static_assert(kOpenReplyLimit < kOpenCallLimit);

}  // namespace ecryptfs::pki
