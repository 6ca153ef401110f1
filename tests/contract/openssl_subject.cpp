// SPDX-License-Identifier: Apache-2.0
//
// The module openssl, for the contract suite.

#include <gtest/gtest.h>

#include <map>

#include "tests/contract/loaded_module.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/temporary_folder.h"

namespace ecryptfs::contract {
namespace {

// The keys of both interfaces: PEM files in a folder that goes with the process.
class KeyFiles {
  public:
    std::vector<TestKey> keys(std::size_t count) {
        while (keys_.size() < count) {
            const auto key = make_rsa_key(2048);
            const std::string name = "key" + std::to_string(keys_.size()) + ".pem";
            keys_.push_back({folder_.write(name, to_pem(*key, PemForm::kPkcs8))});
            public_keys_[keys_.back().locator] = to_public_pem(*key);
        }
        return {keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(count)};
    }

    TestKey key_with_secret() {
        if (!key_with_secret_.secret) {
            const auto pem = to_pem(*make_rsa_key(2048), PemForm::kPkcs8, "right");
            key_with_secret_ = {folder_.write("secret.pem", pem), "right"};
        }
        return key_with_secret_;
    }

    TestKey curve_key(const std::string& curve) {
        auto& key = curve_keys_[curve];
        if (key.locator.empty()) {
            const auto made = make_key(curve);
            key = {folder_.write(curve + ".pem", to_pem(*made, PemForm::kPkcs8, "right")), "right"};
            public_keys_[key.locator] = to_public_pem(*made);
        }
        return key;
    }

    std::string public_key_of(const TestKey& key) const { return public_keys_.at(key.locator); }
    TestKey absent_key() const { return {folder_.uri("absent.pem")}; }

  private:
    TemporaryFolder folder_;
    std::vector<TestKey> keys_;
    std::map<std::string, std::string> public_keys_;
    TestKey key_with_secret_;
    std::map<std::string, TestKey> curve_keys_;
};

KeyFiles& key_files() {
    static KeyFiles files;
    return files;
}

template <typename Interface>
class OpensslModule : public Interface {
  public:
    std::vector<TestKey> keys(std::size_t count) override { return key_files().keys(count); }
    TestKey absent_key() override { return key_files().absent_key(); }
    std::string malformed_locator() override { return "file:relative/key.pem"; }
};

class OpensslWithSecrets : public OpensslModule<ModuleWithSecrets> {
  public:
    TestKey key_with_secret() override { return key_files().key_with_secret(); }
    std::string wrong_secret() override { return "wrong-passphrase"; }
    bool public_half_needs_secret() const override { return true; }
};

class OpensslOfRsaKeys : public OpensslModule<ModuleOfRsaKeys> {
  public:
    std::string public_key_of(const TestKey& key) override {
        return key_files().public_key_of(key);
    }
    std::string oaep_hash() const override { return "SHA1"; }
};

class OpensslOfCurveKeys : public ModuleOfCurveKeys {
  public:
    std::vector<std::string> curves() const override { return {"P-256", "P-384", "X25519"}; }
    TestKey curve_key(const std::string& curve) override { return key_files().curve_key(curve); }
    std::string public_key_of(const TestKey& key) override {
        return key_files().public_key_of(key);
    }
};

template <typename Interface, typename Implementation>
Interface& make() {
    static Implementation module;
    return module;
}

constexpr auto kPath = ECRYPTFS_OPENSSL_SO;

const Subject<ModuleUnderTest> kAny{kPath, make<ModuleUnderTest, OpensslModule<ModuleUnderTest>>};
const Subject<ModuleWithSecrets> kSecrets{kPath, make<ModuleWithSecrets, OpensslWithSecrets>};
const Subject<ModuleOfRsaKeys> kRsa{kPath, make<ModuleOfRsaKeys, OpensslOfRsaKeys>};
const Subject<ModuleOfCurveKeys> kCurve{kPath, make<ModuleOfCurveKeys, OpensslOfCurveKeys>};

const auto kName = [](const auto&) { return "openssl"; };

INSTANTIATE_TEST_SUITE_P(Contract, AnyModule, testing::Values(kAny), kName);
INSTANTIATE_TEST_SUITE_P(Contract, SecretModule, testing::Values(kSecrets), kName);
INSTANTIATE_TEST_SUITE_P(Contract, RsaModule, testing::Values(kRsa), kName);
INSTANTIATE_TEST_SUITE_P(Contract, CurveModule, testing::Values(kCurve), kName);

}  // namespace
}  // namespace ecryptfs::contract
