// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "agent/modules/key.h"
#include "agent/runtime/time_source.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/pki/host_protocol.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// What a job gave. Views end with the call. An operation gives output, an open the rest.
struct JobResult {
    base::ByteView output;
    std::optional<wire::KeySignature> signature;
    std::string_view warning;
    std::string_view locator;  // settled by the module, else empty
};

// Opens a key (no action), or does something with it; a key that is not open yet is opened first.
// `done` is called exactly once, maybe before the job is accepted; `input` must last until then.
struct Job {
    KeyRef key;
    std::optional<base::FileKeyOperation> action;
    base::ByteView input;
    Clock::time_point deadline;
    std::move_only_function<void(base::Result<JobResult>)> done;
    int attempts = 0;        // that ended with the process
    int lost_opens = 0;      // of its key, likewise, while the job waited
    bool at_device = false;  // the device itself may ask a person for the secret
};

}  // namespace ecryptfs::agent
