// SPDX-License-Identifier: Apache-2.0
//
// What the contract suite has to know of a module: where keys are for it to open. The suite is the
// same for all of them; a new module adds an implementation of these interfaces and one
// INSTANTIATE_TEST_SUITE_P for each.

#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace ecryptfs::contract {

struct TestKey {
    std::string locator;
    std::optional<std::string> secret = {};
};

// Any module. Keys are made when first asked for and last as long as the process.
class ModuleUnderTest {
  public:
    ModuleUnderTest() = default;
    virtual ~ModuleUnderTest() = default;
    ModuleUnderTest(const ModuleUnderTest&) = delete;
    ModuleUnderTest& operator=(const ModuleUnderTest&) = delete;
    ModuleUnderTest(ModuleUnderTest&&) = delete;
    ModuleUnderTest& operator=(ModuleUnderTest&&) = delete;

    // `count` different keys with a modulus of the same size. Each call gives the same ones.
    virtual std::vector<TestKey> keys(std::size_t count) = 0;
    virtual TestKey absent_key() = 0;
    virtual std::string malformed_locator() = 0;
    // How many times a token of this kind can be asked in a test of load.
    virtual int many() const { return 10000; }
};

// A module whose keys can need a secret.
class ModuleWithSecrets : public ModuleUnderTest {
  public:
    virtual TestKey key_with_secret() = 0;
    virtual std::string wrong_secret() = 0;
    // False for a token that shows public keys to anybody.
    virtual bool public_half_needs_secret() const = 0;
};

// A module that does real RSA-OAEP, so that other programs can read what it writes.
class ModuleOfRsaKeys : public ModuleUnderTest {
  public:
    // The public half of a key of keys(), in PEM, as a program that is not the module has it.
    virtual std::string public_key_of(const TestKey& key) = 0;
    virtual std::string oaep_hash() const = 0;  // of file keys, by OpenSSL's name
    // A key for content keys, and the hashes by which it can unwrap them. The others must be
    // refused.
    virtual TestKey oaep_key() { return keys(1)[0]; }
    virtual std::vector<std::string> oaep_hashes() const { return {"SHA1", "SHA256"}; }
};

// A module that has keys of elliptic curves.
class ModuleOfCurveKeys {
  public:
    ModuleOfCurveKeys() = default;
    virtual ~ModuleOfCurveKeys() = default;
    ModuleOfCurveKeys(const ModuleOfCurveKeys&) = delete;
    ModuleOfCurveKeys& operator=(const ModuleOfCurveKeys&) = delete;
    ModuleOfCurveKeys(ModuleOfCurveKeys&&) = delete;
    ModuleOfCurveKeys& operator=(ModuleOfCurveKeys&&) = delete;

    // By OpenSSL's names: "P-256", "P-384", "X25519".
    virtual std::vector<std::string> curves() const = 0;
    virtual TestKey curve_key(const std::string& curve) = 0;
    // In PEM, as a program that is not the module has it.
    virtual std::string public_key_of(const TestKey& key) = 0;
};

// `make` is not called before the module is loaded, as it is in the host: a module may want to be
// the first to use a library.
template <typename Module>
struct Subject {
    std::string so_path;
    Module& (*make)();
};

template <typename Module>
std::ostream& operator<<(std::ostream& out, const Subject<Module>& subject) {
    return out << subject.so_path;
}

}  // namespace ecryptfs::contract
