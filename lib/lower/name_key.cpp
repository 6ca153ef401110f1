// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/name_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "lib/base/try.h"
#include "lib/lower/block_cipher.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::lower {
namespace {

using base::ErrorCode;
using base::Result;

constexpr std::size_t kMd5Size = 16;
constexpr std::size_t kLeastPrefix = 16;     // ECRYPTFS_FILENAME_MIN_RANDOM_PREPEND_BYTES
constexpr std::uint8_t kInsteadOfNul = 'B';  // ECRYPTFS_NON_NULL

// The size of a Blowfish key and its like is in the mount's options only. These are what mounts
// have, the usual one first; each cipher's largest is among them.
constexpr auto kKeySizes = std::to_array<std::size_t>({16, 24, 32, 56});

std::unexpected<base::Error> not_ours() {
    return std::unexpected(
        base::Error{ErrorCode::kDecryptFailed,
                    "the encrypted name is damaged, or was made with another passphrase"});
}

// Whether `prefix` is what the kernel writes there: the FNEK's MD5, that one's MD5 and so on
// (keystore.c: ecryptfs_write_tag_70_packet).
Result<bool> is_prefix_of(base::ByteView fnek, base::ByteView prefix) {
    const EvpDigest md5(::EVP_MD_fetch(openssl_library(), "MD5", nullptr));
    std::array<std::uint8_t, kMd5Size> digest;
    base::ByteView hashed = fnek;
    while (!prefix.empty()) {
        if (!md5 || ::EVP_Digest(hashed.data(), hashed.size(), digest.data(), nullptr, md5.get(),
                                 nullptr) != 1) {
            return std::unexpected(openssl_error("EVP_Digest"));
        }
        hashed = digest;
        const auto part = prefix.first(std::min(prefix.size(), kMd5Size));
        for (std::size_t i = 0; i < part.size(); ++i) {
            if (part[i] != (digest[i] == 0 ? kInsteadOfNul : digest[i])) {
                return false;
            }
        }
        prefix = prefix.subspan(part.size());
    }
    return true;
}

// kDecryptFailed if it was not encrypted with this key.
Result<std::string> decrypt_with(base::ByteView key, const Cipher& cipher,
                                 const EncryptedName& name, base::ByteView fnek) {
    auto decryption = TRY(BlockCipher::create(cipher, BlockCipher::Mode::kEcb,
                                              BlockCipher::Direction::kDecrypt, key));
    std::vector<std::uint8_t> plain(name.encrypted.size());
    TRY(decryption.run({}, name.encrypted, plain));
    const auto nul = std::ranges::find(plain, 0);
    const auto prefix_size = static_cast<std::size_t>(nul - plain.begin());
    if (nul == plain.end() || prefix_size < kLeastPrefix) {
        return not_ours();
    }
    const auto ours = TRY(is_prefix_of(fnek, base::ByteView(plain).first(prefix_size)));
    const auto text = base::as_text(base::ByteView(plain).subspan(prefix_size + 1));
    if (!ours || text.empty() || text.find('\0') != std::string_view::npos) {
        return not_ours();
    }
    return std::string(text);
}

}  // namespace

Result<std::string> decrypt_name(const EncryptedName& name, base::ByteView fnek) {
    const Cipher* cipher = find_cipher(name.cipher_code);
    for (const auto size : kKeySizes) {
        if (cipher == nullptr || !cipher->takes_key(size) || size > fnek.size()) {
            continue;
        }
        auto plain = decrypt_with(fnek.first(size), *cipher, name, fnek);
        if (plain || plain.error().code != ErrorCode::kDecryptFailed) {
            return plain;
        }
    }
    return not_ours();
}

}  // namespace ecryptfs::lower
