// SPDX-License-Identifier: Apache-2.0
//
// A secret on its way from one process to another, in a sealed memfd: the receiver reads what the
// sender wrote, and the secret never travels inside a message.

#pragma once

#include <cstddef>

#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::base {

inline constexpr std::size_t kMaxSecretSize = 4096;

// A memfd whose one page stays locked in memory while this object lives: keep it until the
// receiver has answered. An empty secret is an empty memfd.
class SealedMemfd {
  public:
    static Result<SealedMemfd> create(ByteView secret);
    SealedMemfd(SealedMemfd&& other) noexcept;
    SealedMemfd& operator=(SealedMemfd&&) = delete;
    SealedMemfd(const SealedMemfd&) = delete;
    SealedMemfd& operator=(const SealedMemfd&) = delete;
    ~SealedMemfd();

    int fd() const { return fd_.get(); }

  private:
    SealedMemfd() = default;

    UniqueFd fd_;
    void* locked_page_ = nullptr;
};

// What a sealed memfd holds. kInvalidArgument for another descriptor, since reading it could
// block and its size could change, and for one larger than kMaxSecretSize.
Result<SecretBytes> read_sealed_memfd(int fd);

}  // namespace ecryptfs::base
