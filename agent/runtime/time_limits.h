// SPDX-License-Identifier: Apache-2.0
//
// How long the agent waits for what, and the order of these limits. Those that ecryptfsctl must
// know, too, are in lib/pki/time_limits.h; the pauses between attempts are where these are made.

#pragma once

#include <chrono>

#include "lib/pki/time_limits.h"

namespace ecryptfs::agent {

// A request: from the kernel to the reply.

// How long the kernel waits: its parameter ecryptfs_message_wait_timeout, if nobody has changed it.
inline constexpr std::chrono::milliseconds kKernelLimit{3000};
// A request without an answer fails after this long (--reply-within).
inline constexpr std::chrono::milliseconds kReplyLimit{2800};
// After this long an operation is taken to hang, and asked of another process. The limit grows up
// to the second of these where operations turn out to be that slow: what takes even longer is of
// no use to anybody.
inline constexpr std::chrono::milliseconds kLeastOperationLimit{1200};
inline constexpr std::chrono::milliseconds kGreatestOperationLimit{5000};
// Unread requests are the broker's end after this long; the rest is for the next broker.
inline constexpr std::chrono::milliseconds kUnreadLimit{1500};

static_assert(kReplyLimit < kKernelLimit);
static_assert(2 * kLeastOperationLimit < kReplyLimit, "no time for a second try");
static_assert(kLeastOperationLimit < kGreatestOperationLimit);
static_assert(2 * kUnreadLimit <= kKernelLimit);

// A host process.

inline constexpr std::chrono::milliseconds kGreetingLimit{5000};

using pki::kCloseLimit;
using pki::kOpenLimit;
using pki::kOpenReplyLimit;
using pki::kTypingLimit;
// To close all keys and end, when it is idle and when the agent ends. In the second case nobody
// reads requests meanwhile.
inline constexpr std::chrono::milliseconds kIdleEndLimit{2000};
inline constexpr std::chrono::milliseconds kEndLimit{1000};
// A module that cannot be loaded, and a program that cannot be started, are not tried again for
// this long.
inline constexpr std::chrono::milliseconds kRefusalTime{5000};
inline constexpr std::chrono::milliseconds kStartRetryTime{1000};
// The longest pause before a process that dies again and again is started once more.
inline constexpr std::chrono::milliseconds kLongestPause{10'000};
// A process that starts and opens its keys within this time can be replaced unnoticed: most tokens'
// own work is yet to come.
inline constexpr std::chrono::milliseconds kUnnoticedStart{500};
// logind waits this long before it suspends the machine (InhibitDelayMaxSec=).
inline constexpr std::chrono::milliseconds kSuspendDelay{5000};

// A mount says within this time that it has forgotten what a locked key opened.
inline constexpr std::chrono::milliseconds kConfirmLimit{3000};

static_assert(kConfirmLimit < kSuspendDelay, "the machine would sleep with file keys in memory");
static_assert(kGreatestOperationLimit < kOpenLimit);
static_assert(kGreetingLimit < kOpenLimit);
static_assert(2 * kLeastOperationLimit < kCloseLimit);
static_assert(kCloseLimit < kSuspendDelay, "the machine would sleep with keys in memory");
static_assert(kEndLimit < kUnreadLimit, "the guard would kill a broker that ends");
static_assert(kUnnoticedStart < kLeastOperationLimit);

// The agent's own processes and clients.

// An agent takes over the memory of one that is ending within this time, or does without. Nobody
// reads requests meanwhile.
inline constexpr std::chrono::milliseconds kTakeoverLimit{500};
// A host that was killed when the agent ends has gone after this time, or is left to init.
inline constexpr std::chrono::milliseconds kReapLimit{500};
// A key that was added is forgotten if its token is not registered within this time.
inline constexpr std::chrono::milliseconds kTokenLimit{30'000};

static_assert(kUnreadLimit + kTakeoverLimit < kKernelLimit);
static_assert(kEndLimit + kReapLimit <= kUnreadLimit);
static_assert(pki::kCallLimit < kTokenLimit, "ecryptfsctl registers it by a call of its own");

}  // namespace ecryptfs::agent
