// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/check.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name for it
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    ecryptfs::fuzz::try_input({data, size});
    return 0;
}
