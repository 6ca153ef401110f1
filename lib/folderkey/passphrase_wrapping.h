// SPDX-License-Identifier: Apache-2.0
//
// A content key under a passphrase: PBES2-HS512+A256KW (RFC 7518 section 4.8).

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/folderkey/folder_key_file.h"

namespace ecryptfs::folderkey {

// One of the PBES2 algorithms: its name, which is a part of the salt, the hash of PBKDF2, and how
// many bytes the key that it makes has.
struct Pbes2 {
    std::string_view name;
    const char* digest;
    std::size_t key_size;
};
inline constexpr Pbes2 kPbes2Hs512 = {"PBES2-HS512+A256KW", "SHA512", 32};

// The key that a passphrase makes.
base::Result<base::SecretBytes> derive_wrapping_key(const Pbes2& algorithm,
                                                    base::ByteView passphrase, base::ByteView salt,
                                                    std::uint32_t iterations);

// How many iterations take about that long on this machine, within the bounds of a file.
base::Result<std::uint32_t> measure_iterations(std::chrono::milliseconds wanted);

// A recipient without a kid. kInvalidArgument for an empty passphrase.
base::Result<Recipient> wrap_with_passphrase(base::ByteView content_key, base::ByteView passphrase,
                                             std::uint32_t iterations);

// The content key. kWrongSecret.
base::Result<base::SecretBytes> unwrap_with_passphrase(const Recipient& recipient,
                                                       base::ByteView passphrase);

}  // namespace ecryptfs::folderkey
