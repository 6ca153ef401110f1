// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gtest/gtest.h>

namespace ecryptfs::vm {

// Fails a test during which the kernel complained.
class OnTheRealKernel : public testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;
};

}  // namespace ecryptfs::vm
