// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "ecryptfs_pki_module.h"
#include "tests/contract/memory_search.h"

namespace ecryptfs::contract {

// The ABI, called so that what it takes and gives is nowhere but in buffers that are wiped.
class CarefulCaller {
  public:
    static constexpr std::size_t kFileKeySize = 32;

    explicit CarefulCaller(const std::string& so_path);
    void open(const std::string& locator, const Needle& masked_secret);
    // Makes a key of 2,048 bits; its locator.
    std::string generate(const std::string& where, const Needle* masked_secret);
    void close() { module_.close(key_); }

    // Wraps and unwraps a file key; what to look for.
    Needle use();

  private:
    const ecryptfs_pki_module& module_;
    ecryptfs_pki_key* key_ = nullptr;
};

}  // namespace ecryptfs::contract
