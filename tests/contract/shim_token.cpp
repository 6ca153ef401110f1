// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/shim_token.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <stdexcept>

#include "tests/fakes/private_keyrings.h"

namespace ecryptfs::contract {
namespace {

template <typename Function>
Function exported(const char* name) {
    void* object = ::dlopen(ECRYPTFS_SHIM_SO, RTLD_NOW | RTLD_LOCAL);
    void* symbol = object == nullptr ? nullptr : ::dlsym(object, name);
    if (symbol == nullptr) {
        throw std::runtime_error(::dlerror());
    }
    return reinterpret_cast<Function>(symbol);
}

const std::map<std::string, Pkey>& keys() {
    static const auto made = [] {
        std::map<std::string, Pkey> by_name;
        for (const std::string name : {"a", "b"}) {
            auto key = make_rsa_key(2048);
            SoftHsm::instance().import("shim", name, "0" + name, to_pem(*key, PemForm::kPkcs8));
            by_name[name] = std::move(key);
        }
        return by_name;
    }();
    return made;
}

}  // namespace

void ShimTest::SetUp() {
    load(ECRYPTFS_PKCS11_SO);
    test::allow_library(ECRYPTFS_SHIM_SO);
    static_cast<void>(keys());
    std::destroy_at(&faults());
    std::construct_at(&faults());
}

void ShimTest::TearDown() {
    EXPECT_EQ(faults().sessions, 0U) << "sessions were left open";
}

shim::Faults& ShimTest::faults() {
    return *exported<shim::GetFaults>("ecryptfs_shim_faults")();
}

void ShimTest::log_out_behind_its_back() {
    exported<shim::LogOut>("ecryptfs_shim_log_out")();
}

const ecryptfs_pki_module& ShimTest::abi() {
    return load(ECRYPTFS_PKCS11_SO);
}

TestKey ShimTest::key(const std::string& object) {
    return {"pkcs11:token=shim;object=" + object + "?module-path=" + ECRYPTFS_SHIM_SO, kPin};
}

evp_pkey_st& ShimTest::public_key(const std::string& object) {
    return *keys().at(object);
}

}  // namespace ecryptfs::contract
