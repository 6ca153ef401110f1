// SPDX-License-Identifier: Apache-2.0
//
// The module pkcs11 with SoftHSM, for the contract suite.

#include <gtest/gtest.h>

#include <map>

#include "tests/contract/loaded_module.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/softhsm.h"

namespace ecryptfs::contract {
namespace {

// The keys of both interfaces, on one token.
class TokenKeys {
  public:
    std::vector<TestKey> keys(std::size_t count) {
        while (keys_.size() < count) {
            const auto key = make_rsa_key(2048);
            const std::string label = "key " + std::to_string(keys_.size());
            SoftHsm::instance().import("contract", label, "c0" + std::to_string(10 + keys_.size()),
                                       to_pem(*key, PemForm::kPkcs8));
            keys_.push_back({uri_of("key%20" + std::to_string(keys_.size())), kPin});
            public_keys_[keys_.back().locator] = to_public_pem(*key);
        }
        return {keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(count)};
    }

    TestKey curve_key(const std::string& curve) {
        auto& test_key = curve_keys_[curve];
        if (test_key.locator.empty()) {
            const auto key = make_key(curve);
            SoftHsm::instance().import_curve_key("contract", curve,
                                                 curve == "P-256" ? "ec01" : "ec02",
                                                 to_pem(*key, PemForm::kPkcs8));
            test_key = {uri_of(curve), kPin};
            public_keys_[test_key.locator] = to_public_pem(*key);
        }
        return test_key;
    }

    std::string public_key_of(const TestKey& key) const { return public_keys_.at(key.locator); }
    static TestKey absent_key() { return {uri_of("absent"), kPin}; }

  private:
    static std::string uri_of(const std::string& object) {
        // What follows the object is before it here: a test appends to the whole.
        return "pkcs11:token=contract;type=private;object=" + object;
    }

    std::vector<TestKey> keys_;
    std::map<std::string, TestKey> curve_keys_;
    std::map<std::string, std::string> public_keys_;
};

TokenKeys& token_keys() {
    static TokenKeys keys;
    return keys;
}

template <typename Interface>
class Pkcs11Module : public Interface {
  public:
    std::vector<TestKey> keys(std::size_t count) override { return token_keys().keys(count); }
    TestKey absent_key() override { return TokenKeys::absent_key(); }
    std::string malformed_locator() override { return "pkcs11:token=%zz"; }
    int many() const override { return 3000; }
};

class Pkcs11WithSecrets : public Pkcs11Module<ModuleWithSecrets> {
  public:
    TestKey key_with_secret() override { return token_keys().keys(1)[0]; }
    std::string wrong_secret() override { return "wrong-pin"; }
    bool public_half_needs_secret() const override { return false; }
};

class Pkcs11OfRsaKeys : public Pkcs11Module<ModuleOfRsaKeys> {
  public:
    std::string public_key_of(const TestKey& key) override {
        return token_keys().public_key_of(key);
    }
    std::string oaep_hash() const override { return "SHA1"; }
};

class Pkcs11OfCurveKeys : public ModuleOfCurveKeys {
  public:
    std::vector<std::string> curves() const override { return {"P-256", "P-384"}; }
    TestKey curve_key(const std::string& curve) override { return token_keys().curve_key(curve); }
    std::string public_key_of(const TestKey& key) override {
        return token_keys().public_key_of(key);
    }
};

template <typename Interface, typename Implementation>
Interface& make() {
    SoftHsm::instance();  // lives longer than the keys
    static Implementation module;
    return module;
}

constexpr auto kPath = ECRYPTFS_PKCS11_SO;

const Subject<ModuleUnderTest> kAny{kPath, make<ModuleUnderTest, Pkcs11Module<ModuleUnderTest>>};
const Subject<ModuleWithSecrets> kSecrets{kPath, make<ModuleWithSecrets, Pkcs11WithSecrets>};
const Subject<ModuleOfRsaKeys> kRsa{kPath, make<ModuleOfRsaKeys, Pkcs11OfRsaKeys>};
const Subject<ModuleOfCurveKeys> kCurve{kPath, make<ModuleOfCurveKeys, Pkcs11OfCurveKeys>};

const auto kName = [](const auto&) { return "pkcs11"; };

INSTANTIATE_TEST_SUITE_P(Contract, AnyModule, testing::Values(kAny), kName);
INSTANTIATE_TEST_SUITE_P(Contract, SecretModule, testing::Values(kSecrets), kName);
INSTANTIATE_TEST_SUITE_P(Contract, RsaModule, testing::Values(kRsa), kName);
INSTANTIATE_TEST_SUITE_P(Contract, CurveModule, testing::Values(kCurve), kName);

}  // namespace
}  // namespace ecryptfs::contract
