// SPDX-License-Identifier: Apache-2.0
//
// open_key MODULE.so LOCATOR COUNT: opens a key COUNT times, all at once, and prints how the last
// attempt ended. For tests of what a module does in a process with other limits.

#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>

#include "tests/contract/loaded_module.h"

int main(int argc, char** argv) {
    using namespace ecryptfs::contract;
    const std::span arguments(argv, static_cast<std::size_t>(argc));
    try {
        const auto& module = load(arguments[1]);
        std::vector<std::unique_ptr<OpenKey>> keys(std::stoul(arguments[3]));
        for (auto& key : keys) {
            const Outcome outcome =
                OpenKey::open(module, {arguments[2]}, ECRYPTFS_PKI_USE_PRIVATE, &key);
            if (!key) {
                std::cout << outcome.status << ' ' << outcome.message << " / " << outcome.advice;
                return EXIT_SUCCESS;
            }
        }
        std::cout << ECRYPTFS_PKI_OK;
    } catch (const std::exception& exception) {
        std::cout << exception.what();
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
