// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/careful_caller.h"

#include <gtest/gtest.h>
#include <string.h>
#include <sys/random.h>

#include <array>

#include "tests/contract/loaded_module.h"

namespace ecryptfs::contract {
namespace {

// A secret in the clear, wiped when it goes.
class Unmasked {
  public:
    explicit Unmasked(const Needle& masked) : secret_{bytes_.data(), masked.size()} {
        masked.unmask_to(bytes_.data());
    }
    ~Unmasked() { ::explicit_bzero(bytes_.data(), bytes_.size()); }
    Unmasked(const Unmasked&) = delete;
    Unmasked& operator=(const Unmasked&) = delete;
    Unmasked(Unmasked&&) = delete;
    Unmasked& operator=(Unmasked&&) = delete;

    const ecryptfs_pki_secret& get() const { return secret_; }

  private:
    std::array<std::uint8_t, 64> bytes_{};
    ecryptfs_pki_secret secret_;
};

}  // namespace

CarefulCaller::CarefulCaller(const std::string& so_path) : module_(load(so_path)) {}

void CarefulCaller::open(const std::string& locator, const Needle& masked_secret) {
    const Unmasked secret(masked_secret);
    ecryptfs_pki_error error = {};
    EXPECT_EQ(module_.open(locator.c_str(), &secret.get(), ECRYPTFS_PKI_USE_PRIVATE, &key_, &error),
              ECRYPTFS_PKI_OK)
        << error.message;
}

std::string CarefulCaller::generate(const std::string& where, const Needle* masked_secret) {
    const auto generate = [&](const ecryptfs_pki_secret* secret) {
        const ecryptfs_pki_new_key wanted{where.c_str(), 2048, nullptr, 0, secret};
        std::array<char, ECRYPTFS_PKI_MAX_LOCATOR> locator{};
        ecryptfs_pki_error error = {};
        EXPECT_EQ(module_.generate(&wanted, locator.data(), &error), ECRYPTFS_PKI_OK)
            << error.message;
        return std::string(locator.data());
    };
    if (masked_secret == nullptr) {
        return generate(nullptr);
    }
    const Unmasked secret(*masked_secret);
    return generate(&secret.get());
}

Needle CarefulCaller::use() {
    std::array<std::uint8_t, kFileKeySize> file_key{};
    EXPECT_EQ(::getrandom(file_key.data(), file_key.size(), 0), ssize_t{kFileKeySize});
    const Needle needle("the file key", file_key);
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_WRAPPED_KEY> wrapped{};
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_FILE_KEY> unwrapped{};
    std::size_t wrapped_size = wrapped.size();
    std::size_t size = unwrapped.size();
    ecryptfs_pki_error error = {};
    EXPECT_EQ(module_.encrypt(key_, file_key.data(), file_key.size(), wrapped.data(), &wrapped_size,
                              &error),
              ECRYPTFS_PKI_OK);
    EXPECT_EQ(module_.decrypt(key_, wrapped.data(), wrapped_size, unwrapped.data(), &size, &error),
              ECRYPTFS_PKI_OK)
        << error.message;
    EXPECT_TRUE(needle.is_at(unwrapped.data()));
    ::explicit_bzero(file_key.data(), file_key.size());
    ::explicit_bzero(unwrapped.data(), unwrapped.size());
    return needle;
}

}  // namespace ecryptfs::contract
