// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <cstdint>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::module {

// A wrapped file key with as many bytes as the modulus has, which tokens want. MPIs, as the kernel
// hands them on, leave off a number's leading zeros.
class WrappedNumber {
  public:
    // `modulus_size`: at most ECRYPTFS_PKI_MAX_WRAPPED_KEY. kDecryptFailed for no bytes, or more
    // than the modulus has.
    static base::Result<WrappedNumber> pad(base::ByteView wrapped, std::size_t modulus_size);

    base::ByteView view() const { return base::ByteView{bytes_}.first(size_); }

  private:
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_WRAPPED_KEY> bytes_{};
    std::size_t size_ = 0;
};

}  // namespace ecryptfs::module
