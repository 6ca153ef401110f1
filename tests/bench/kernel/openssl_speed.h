// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "tests/bench/side.h"

namespace ecryptfs::bench {

// What `openssl speed` says of RSA-2048 on all processors, when it takes `time` for each kind.
struct RsaSpeed {
    double private_operations = 0;  // a second
    double public_operations = 0;
};
RsaSpeed openssl_speed(Seconds time);

}  // namespace ecryptfs::bench
