// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <chrono>

#include "agent/modules/key.h"
#include "lib/base/error.h"
#include "lib/base/file_key_operation.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// What requests need of keys.
class RequestKeys {
  public:
    RequestKeys() = default;
    RequestKeys(const RequestKeys&) = delete;
    RequestKeys& operator=(const RequestKeys&) = delete;
    virtual ~RequestKeys() = default;

    // The key to use for a request now. Fails at once when there is nothing to use: no token,
    // expired, revoked, locked. A locked key may still encrypt, where its module can do so with the
    // public half alone.
    virtual base::Result<KeyRef> use_key(const wire::KeySignature& signature,
                                         base::FileKeyOperation operation) = 0;
    // How a request with `key` ended. A key that turns out to need a secret, or another one, is
    // locked from then on. Gives the error to report.
    virtual base::Error record_failure(const Key& key, base::Error why) = 0;
    virtual void record_success(const Key& key, std::chrono::microseconds latency) = 0;
};

}  // namespace ecryptfs::agent
