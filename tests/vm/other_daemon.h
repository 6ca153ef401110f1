// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "tests/vm/process.h"

namespace ecryptfs::vm {

// A daemon of the user's that holds the device. It reads what it is asked, as each must
// (docs/protocol.md section 1), and answers nothing.
class OtherDaemon {
  public:
    // Returns when it has the device. `name` is what the kernel shows of it.
    OtherDaemon(const User& user, const std::string& name);

    pid_t pid() const { return process_.pid(); }
    void end();

  private:
    base::UniqueFd state_;
    Process process_;
};

}  // namespace ecryptfs::vm
