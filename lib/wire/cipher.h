// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ecryptfs::wire {

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

// Each name once.
std::vector<std::string_view> cipher_names();

// The sizes of keys that mounts have, the usual one first. Each cipher's largest is among them.
inline constexpr auto kKeySizes = std::to_array<unsigned>({16, 24, 32, 56});

// Those of kKeySizes that the cipher of this name takes; none for one that eCryptfs does not know.
std::vector<unsigned> key_sizes(std::string_view cipher_name);

// Null for a code that the kernel does not know.
const Cipher* find_cipher(std::uint8_t code);

}  // namespace ecryptfs::wire
