// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/rsa_contexts.h"

namespace ecryptfs::module {

// The two numbers of an RSA public key, big-endian, without leading zeros.
struct RsaNumbers {
    std::vector<std::uint8_t> modulus;
    std::vector<std::uint8_t> exponent;
};

RsaNumbers rsa_numbers(const evp_pkey_st& rsa_key);

// The public half of an RSA key: does the work of describe() and encrypt() for every module, in
// software and without a secret. Any thread.
class RsaPublicKey {
  public:
    // `what` names the key in messages ("the key in /home/…"). Throws base::Failure: kInvalidKey
    // for a key whose size does not suit the kernel, the padding or the ABI.
    RsaPublicKey(RsaNumbers numbers, RsaPadding padding, std::string_view what);

    std::size_t modulus_size() const { return numbers_.modulus.size(); }
    // `warning`: a further warning about the key; may be empty.
    void describe(ecryptfs_pki_description& to, const std::string& warning) const;

    // Returns the size written: the modulus's.
    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room);

  private:
    RsaNumbers numbers_;
    RsaContexts contexts_;
};

}  // namespace ecryptfs::module
