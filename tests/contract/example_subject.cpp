// SPDX-License-Identifier: Apache-2.0
//
// The example of docs/writing-a-pki-module.md, for the contract suite: what is said there works.

#include <gtest/gtest.h>

#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {
namespace {

class ExampleModule : public ModuleUnderTest {
  public:
    std::vector<TestKey> keys(std::size_t count) override {
        std::vector<TestKey> keys;
        for (char name = 'a'; keys.size() < count; ++name) {
            keys.push_back({std::string("example:") + name});
        }
        return keys;
    }
    TestKey absent_key() override { return {"example:1"}; }
    std::string malformed_locator() override { return "exemplary:a"; }
};

ModuleUnderTest& make_example() {
    static ExampleModule module;
    return module;
}

const Subject<ModuleUnderTest> kExample{ECRYPTFS_EXAMPLE_SO, make_example};

INSTANTIATE_TEST_SUITE_P(Contract, AnyModule, testing::Values(kExample),
                         [](const auto&) { return "example"; });

}  // namespace
}  // namespace ecryptfs::contract
