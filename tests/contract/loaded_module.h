// SPDX-License-Identifier: Apache-2.0
//
// A module as the host sees it: loaded by dlopen(), called through the C ABI. Every failure is
// looked at: it must come with a message.

#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "tests/contract/module_under_test.h"
#include "tests/support/bytes.h"

namespace ecryptfs::contract {

using Bytes = std::vector<std::uint8_t>;

using test::pattern;

// Loads a module once a process.
const ecryptfs_pki_module& load(const std::string& so_path);

// How a call ended, and what it wrote.
struct Outcome {
    ecryptfs_pki_status status;
    std::string message;
    std::string advice;
    Bytes bytes = {};

    bool operator==(const Outcome&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

class OpenKey {
  public:
    // *key stays null when it cannot be opened.
    static Outcome open(const ecryptfs_pki_module& module, const TestKey& key, ecryptfs_pki_use use,
                        std::unique_ptr<OpenKey>* opened);
    // Opens a key that can be opened: throws otherwise, which fails the test.
    OpenKey(const ecryptfs_pki_module& module, const TestKey& key,
            ecryptfs_pki_use use = ECRYPTFS_PKI_USE_PRIVATE);
    ~OpenKey();
    OpenKey(const OpenKey&) = delete;
    OpenKey& operator=(const OpenKey&) = delete;
    OpenKey(OpenKey&&) = delete;
    OpenKey& operator=(OpenKey&&) = delete;

    ecryptfs_pki_description describe() const;
    Outcome encrypt(base::ByteView file_key, std::size_t room = ECRYPTFS_PKI_MAX_WRAPPED_KEY) const;
    Outcome decrypt(base::ByteView wrapped, std::size_t room = ECRYPTFS_PKI_MAX_WRAPPED_KEY) const;
    Outcome decrypt_oaep(const std::string& hash, base::ByteView wrapped,
                         std::size_t room = ECRYPTFS_PKI_MAX_WRAPPED_KEY) const;
    Outcome derive(base::ByteView peer, std::size_t room = ECRYPTFS_PKI_MAX_SHARED) const;
    // encrypt() where it has to work.
    Bytes wrap(base::ByteView file_key) const;

  private:
    OpenKey(const ecryptfs_pki_module& module, ecryptfs_pki_key* key)
        : module_(module), key_(key) {}

    const ecryptfs_pki_module& module_;
    ecryptfs_pki_key* key_ = nullptr;
};

// open() of a key that cannot be opened.
Outcome failure_to_open(const ecryptfs_pki_module& module, const TestKey& key,
                        ecryptfs_pki_use use = ECRYPTFS_PKI_USE_PRIVATE);

// Fixtures of the suite: TEST_P(AnyModule, …) runs for each module that was instantiated.
template <typename Module>
class ContractTest : public testing::TestWithParam<Subject<Module>> {
  protected:
    void SetUp() override {
        abi_ = &load(this->GetParam().so_path);
        subject_ = &this->GetParam().make();
    }
    const ecryptfs_pki_module& abi() const { return *abi_; }
    Module& subject() const { return *subject_; }

  private:
    const ecryptfs_pki_module* abi_ = nullptr;
    Module* subject_ = nullptr;
};

class AnyModule : public ContractTest<ModuleUnderTest> {};
class SecretModule : public ContractTest<ModuleWithSecrets> {};
class RsaModule : public ContractTest<ModuleOfRsaKeys> {};
class CurveModule : public ContractTest<ModuleOfCurveKeys> {};

}  // namespace ecryptfs::contract
