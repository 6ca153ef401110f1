// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ecryptfs::lower {

// A cipher that the kernel can encrypt files or names with, by its code in packets (RFC 4880
// section 9.2 and, for CAST6, include/linux/ecryptfs.h). Sizes in bytes.
struct Cipher {
    std::uint8_t code;
    std::string_view name;  // as in the mount option ecryptfs_cipher
    std::size_t block_size;
    std::size_t smallest_key;
    std::size_t largest_key;

    bool takes_key(std::size_t size) const { return size >= smallest_key && size <= largest_key; }
};

std::span<const Cipher> ciphers();

// Null for a code that the kernel does not know either.
const Cipher* find_cipher(std::uint8_t code);

}  // namespace ecryptfs::lower
