// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/build_under_test.h"

#include <cstdlib>

namespace ecryptfs::test {
namespace {

const char* other_build() {
    return std::getenv("ECRYPTFS_BUILD");
}

}  // namespace

std::string built(const std::string& name) {
    const char* other = other_build();
    return std::string(other == nullptr ? ECRYPTFS_OWN_BUILD : other) + "/" + name;
}

bool has_sanitizers() {
    return other_build() != nullptr;
}

}  // namespace ecryptfs::test
