// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/memory_searcher.h"
#include "tests/fakes/private_keyrings.h"

int main(int argc, char** argv) {
    if (!ecryptfs::test::keyrings_are_private()) {
        ecryptfs::test::start_memory_searcher();
        return ecryptfs::test::run_with_private_keyrings(argv);
    }
    ::testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
