// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/handle.h"

namespace ecryptfs::mount_helper {

// What the kernel logs of eCryptfs while this lives. Nothing where /dev/kmsg cannot be read.
class KernelLogTail {
  public:
    KernelLogTail();
    // The last line, without the name of the function; or empty.
    std::string last_line() const;

  private:
    base::UniqueFd log_;
};

}  // namespace ecryptfs::mount_helper
