// SPDX-License-Identifier: Apache-2.0
//
// The module tpm2, for the contract suite: keys made by tpm2-tools in a TPM in software.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/contract/loaded_module.h"
#include "tests/contract/software_tpm.h"

namespace ecryptfs::contract {
namespace {

constexpr auto kSecret = "right";

// The keys of all interfaces, in one TPM that goes with the process.
class KeysInTpm {
  public:
    KeysInTpm() {
        // The suite gives more wrong secrets than a TPM bears with by default.
        tpm_.tool("tpm2_dictionarylockout", {"-s", "-n", "1000", "-t", "1", "-l", "1"});
    }

    std::vector<TestKey> keys(std::size_t count) {
        while (keys_.size() < count) {
            const std::string name = "key" + std::to_string(keys_.size());
            tpm_.create_key(name);
            keys_.push_back({tpm_.locator(name + ".pem") + "&auth=none"});
        }
        return {keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(count)};
    }

    TestKey key_with_secret() {
        if (!key_with_secret_.secret) {
            tpm_.create_key("secret", {"-p", kSecret});
            key_with_secret_ = {tpm_.locator("secret.pem"), kSecret};
        }
        return key_with_secret_;
    }

    TestKey curve_key(const std::string& curve) {
        auto& key = curve_keys_[curve];
        if (key.locator.empty()) {
            const bool is_p256 = curve == "P-256";
            tpm_.create_key(curve, {"-G", is_p256 ? "ecc256" : "ecc384", "-p", kSecret});
            key = {tpm_.locator(curve + ".pem"), kSecret};
        }
        return key;
    }

    std::string public_key_of(const TestKey& key) const {
        for (const auto& [curve, test_key] : curve_keys_) {
            if (test_key.locator == key.locator) {
                return tpm_.public_pem(curve);
            }
        }
        const auto which = std::ranges::find(keys_, key.locator, &TestKey::locator);
        return tpm_.public_pem("key" + std::to_string(which - keys_.begin()));
    }
    TestKey absent_key() const { return {tpm_.locator("absent.pem")}; }

  private:
    SoftwareTpm tpm_;
    std::vector<TestKey> keys_;
    TestKey key_with_secret_;
    std::map<std::string, TestKey> curve_keys_;
};

KeysInTpm& keys_in_tpm() {
    static KeysInTpm keys;
    return keys;
}

template <typename Interface>
class Tpm2Module : public Interface {
  public:
    std::vector<TestKey> keys(std::size_t count) override { return keys_in_tpm().keys(count); }
    TestKey absent_key() override { return keys_in_tpm().absent_key(); }
    std::string malformed_locator() override { return "handle:0x40000001"; }
    int many() const override { return 600; }
};

class Tpm2WithSecrets : public Tpm2Module<ModuleWithSecrets> {
  public:
    TestKey key_with_secret() override { return keys_in_tpm().key_with_secret(); }
    std::string wrong_secret() override { return "wrong-pin"; }
    bool public_half_needs_secret() const override { return false; }
};

class Tpm2OfRsaKeys : public Tpm2Module<ModuleOfRsaKeys> {
  public:
    std::string public_key_of(const TestKey& key) override {
        return keys_in_tpm().public_key_of(key);
    }
    std::string oaep_hash() const override { return "SHA256"; }
};

class Tpm2OfCurveKeys : public ModuleOfCurveKeys {
  public:
    std::vector<std::string> curves() const override { return {"P-256", "P-384"}; }
    TestKey curve_key(const std::string& curve) override { return keys_in_tpm().curve_key(curve); }
    std::string public_key_of(const TestKey& key) override {
        return keys_in_tpm().public_key_of(key);
    }
};

template <typename Interface, typename Implementation>
Interface& make() {
    static Implementation module;
    return module;
}

constexpr auto kPath = ECRYPTFS_TPM2_SO;

const Subject<ModuleUnderTest> kAny{kPath, make<ModuleUnderTest, Tpm2Module<ModuleUnderTest>>};
const Subject<ModuleWithSecrets> kSecrets{kPath, make<ModuleWithSecrets, Tpm2WithSecrets>};
const Subject<ModuleOfRsaKeys> kRsa{kPath, make<ModuleOfRsaKeys, Tpm2OfRsaKeys>};
const Subject<ModuleOfCurveKeys> kCurve{kPath, make<ModuleOfCurveKeys, Tpm2OfCurveKeys>};

const auto kName = [](const auto&) { return "tpm2"; };

INSTANTIATE_TEST_SUITE_P(Contract, AnyModule, testing::Values(kAny), kName);
INSTANTIATE_TEST_SUITE_P(Contract, SecretModule, testing::Values(kSecrets), kName);
INSTANTIATE_TEST_SUITE_P(Contract, RsaModule, testing::Values(kRsa), kName);
INSTANTIATE_TEST_SUITE_P(Contract, CurveModule, testing::Values(kCurve), kName);

}  // namespace
}  // namespace ecryptfs::contract
