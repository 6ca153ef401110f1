// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"

namespace ecryptfs::test {

inline int exit_code(base::ErrorCode code) {
    return base::traits(code).status;
}

}  // namespace ecryptfs::test
