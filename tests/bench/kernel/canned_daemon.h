// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "tests/vm/process.h"

namespace ecryptfs::bench {

// Holds the device for a user and answers at once, without any cryptography: the file key in the
// clear is the encrypted one, and the other way round. What is left is what the kernel and its
// openers take.
class CannedDaemon {
  public:
    // Returns when it has the device. No other daemon of this user may have it.
    explicit CannedDaemon(const vm::User& user);

  private:
    base::UniqueFd state_;
    vm::Process process_;
};

}  // namespace ecryptfs::bench
