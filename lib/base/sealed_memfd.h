// SPDX-License-Identifier: Apache-2.0
//
// A secret on its way from one process to another: a sealed memfd, so that the receiver reads what
// the sender wrote and the bytes never are a message's value.

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

// What a sealed memfd holds. kInvalidArgument for a descriptor that is no sealed memfd (whose
// reading could block or whose size could change) or that is larger than kMaxSecretSize.
Result<SecretBytes> read_sealed_memfd(int fd);

}  // namespace ecryptfs::base
