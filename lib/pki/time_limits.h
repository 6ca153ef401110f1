// SPDX-License-Identifier: Apache-2.0
//
// How long the agent and ecryptfsctl wait for what a PKI module does. Where one waits for the
// other, it waits longer, so that whoever knows most about a failure gets to tell of it.

#pragma once

#include <chrono>

namespace ecryptfs::pki {

// To open a key without anybody's help: slow tokens and key derivations take seconds.
inline constexpr std::chrono::seconds kOpenLimit{30};

// For a person to type a PIN at the device itself, after which the host is taken to hang.
inline constexpr std::chrono::seconds kTypingLimit{100};
// For an open that a person asked the agent for, its time in the agent's queue included.
inline constexpr std::chrono::seconds kOpenReplyLimit{110};
// For the agent's reply to ecryptfsctl.
inline constexpr std::chrono::seconds kOpenCallLimit{120};

static_assert(kOpenLimit < kTypingLimit);
static_assert(kTypingLimit < kOpenReplyLimit);
static_assert(kOpenReplyLimit < kOpenCallLimit);

// For a host to close a key that somebody waits for: two operations of a slow token may come first.
inline constexpr std::chrono::seconds kCloseLimit{3};
// For the agent's reply to any other call of ecryptfsctl's, such as Lock, which waits for the
// close.
inline constexpr std::chrono::seconds kCallLimit{10};

static_assert(kCloseLimit < kCallLimit);

}  // namespace ecryptfs::pki
