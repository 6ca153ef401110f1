// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/fixture.h"

#include <gtest/gtest.h>

#include "tests/vm/kernel.h"

namespace ecryptfs::vm {

void OnTheRealKernel::SetUp() {
    read_kernel_log();
}

void OnTheRealKernel::TearDown() {
    const auto log = read_kernel_log();
    EXPECT_EQ(fault_in(log), "") << log;
}

}  // namespace ecryptfs::vm
