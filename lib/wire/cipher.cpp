// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/cipher.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <ranges>

namespace ecryptfs::wire {
namespace {

// include/linux/ecryptfs.h: RFC2440_CIPHER_*; crypto.c: ecryptfs_cipher_code_str_map. The three
// sizes of AES keys have a code each. In the order in which people are told of them.
constexpr auto kCiphers = std::to_array<Cipher>({
    {0x07, "aes", 16, 16, 16},
    {0x08, "aes", 16, 24, 24},
    {0x09, "aes", 16, 32, 32},
    {0x04, "blowfish", 8, 4, 56},
    {0x02, "des3_ede", 8, 24, 24},
    {0x0a, "twofish", 16, 16, 32},
    {0x0b, "cast6", 16, 16, 32},
    {0x03, "cast5", 8, 5, 16},
});

}  // namespace

std::span<const Cipher> ciphers() {
    return kCiphers;
}

std::vector<std::string_view> cipher_names() {
    std::vector<std::string_view> names;
    std::ranges::unique_copy(kCiphers | std::views::transform(&Cipher::name),
                             std::back_inserter(names));
    return names;
}

std::vector<unsigned> key_sizes(std::string_view cipher_name) {
    std::vector<unsigned> sizes;
    std::ranges::copy_if(kKeySizes, std::back_inserter(sizes), [&](unsigned size) {
        return std::ranges::any_of(kCiphers, [&](const Cipher& cipher) {
            return cipher.name == cipher_name && cipher.takes_key(size);
        });
    });
    return sizes;
}

const Cipher* find_cipher(std::uint8_t code) {
    const auto* found = std::ranges::find(kCiphers, code, &Cipher::code);
    return found == kCiphers.end() ? nullptr : found;
}

}  // namespace ecryptfs::wire
