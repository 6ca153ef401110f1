// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "agent/modules/job.h"
#include "agent/modules/key.h"

namespace ecryptfs::agent {

// What keys and requests need of the hosts.
class KeyHosts {
  public:
    KeyHosts() = default;
    KeyHosts(const KeyHosts&) = delete;
    KeyHosts& operator=(const KeyHosts&) = delete;
    virtual ~KeyHosts() = default;

    // To the host of the job's key.
    virtual void submit(Job job) = 0;
    // Fails the key's jobs, and has every process give it up.
    virtual void close_key(const Key& key) = 0;
};

}  // namespace ecryptfs::agent
