// SPDX-License-Identifier: Apache-2.0
//
// A token behind tests/contract/shim/: SoftHSM's, with the faults that a test asks for.

#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/contract/loaded_module.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/shim/pkcs11_shim.h"
#include "tests/contract/softhsm.h"

namespace ecryptfs::contract {

// Its keys: "a" and "b", of 2,048 bits, with public key objects.
class ShimTest : public testing::Test {
  protected:
    void SetUp() override;
    // Every test closes what it opened, and so leaves no session and no login behind.
    void TearDown() override;

    static shim::Faults& faults();
    static void log_out_behind_its_back();
    static const ecryptfs_pki_module& abi();
    static TestKey key(const std::string& object = "a");
    static TestKey key_without_pin(const std::string& object = "a") {
        return {key(object).locator};
    }
    static TestKey key_with(const std::string& pin) { return {key().locator, pin}; }
    static evp_pkey_st& public_key(const std::string& object = "a");
    static std::unique_ptr<OpenKey> open(const TestKey& key) {
        return std::make_unique<OpenKey>(abi(), key);
    }
    static std::string locator_of(const OpenKey& key) { return key.describe().locator; }
    static bool works(const OpenKey& key) {
        return key.decrypt(key.wrap(pattern(19))).bytes == pattern(19);
    }
};

}  // namespace ecryptfs::contract
