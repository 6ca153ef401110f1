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
constexpr std::size_t kLongestName = 8192;   // fits into a packet, with all that is around it

std::unexpected<base::Error> wrong_key_error() {
    return std::unexpected(
        base::Error{ErrorCode::kDecryptFailed,
                    "the encrypted name is damaged, or was made with another passphrase"});
}

// What the kernel writes in front of a name: the FNEK's MD5, that one's MD5 and so on, without NUL
// (keystore.c: ecryptfs_write_tag_70_packet).
Result<std::vector<std::uint8_t>> make_prefix(base::ByteView fnek, std::size_t size) {
    const EvpDigest md5(::EVP_MD_fetch(openssl_library(), "MD5", nullptr));
    std::array<std::uint8_t, kMd5Size> digest;
    base::ByteView hashed = fnek;
    std::vector<std::uint8_t> prefix;
    while (prefix.size() < size) {
        if (!md5 || ::EVP_Digest(hashed.data(), hashed.size(), digest.data(), nullptr, md5.get(),
                                 nullptr) != 1) {
            return std::unexpected(openssl_error("EVP_Digest"));
        }
        hashed = digest;
        prefix.insert(
            prefix.end(), digest.begin(),
            digest.begin() + static_cast<std::ptrdiff_t>(std::min(size - prefix.size(), kMd5Size)));
    }
    std::ranges::replace(prefix, std::uint8_t{0}, kInsteadOfNul);
    return prefix;
}

// kDecryptFailed if it was not encrypted with this key.
Result<std::string> decrypt_with_key(base::ByteView key, const wire::Cipher& cipher,
                                     const EncryptedName& name, base::ByteView fnek) {
    auto decryption = TRY(BlockCipher::create(cipher, BlockCipher::Mode::kEcb,
                                              BlockCipher::Direction::kDecrypt, key));
    std::vector<std::uint8_t> plain(name.encrypted.size());
    TRY(decryption.run({}, name.encrypted, plain));
    const auto nul = std::ranges::find(plain, 0);
    const auto prefix_size = static_cast<std::size_t>(nul - plain.begin());
    if (nul == plain.end() || prefix_size < kLeastPrefix) {
        return wrong_key_error();
    }
    const auto prefix = TRY(make_prefix(fnek, prefix_size));
    const bool ours = std::ranges::equal(prefix, base::ByteView(plain).first(prefix_size));
    const auto text = base::as_text(base::ByteView(plain).subspan(prefix_size + 1));
    if (!ours || text.empty() || text.find('\0') != std::string_view::npos) {
        return wrong_key_error();
    }
    return std::string(text);
}

}  // namespace

Result<std::string> decrypt_name(const EncryptedName& name, base::ByteView fnek) {
    const wire::Cipher* cipher = wire::find_cipher(name.cipher_code);
    // A name does not say the size of a Blowfish key and its like: only the mount's options do.
    for (const auto size : wire::kKeySizes) {
        if (cipher == nullptr || !cipher->takes_key(size) || size > fnek.size()) {
            continue;
        }
        auto plain = decrypt_with_key(fnek.first(size), *cipher, name, fnek);
        if (plain || plain.error().code != ErrorCode::kDecryptFailed) {
            return plain;
        }
    }
    return wrong_key_error();
}

Result<EncryptedName> encrypt_name(std::string_view plain, const NameCipher& cipher,
                                   base::ByteView fnek) {
    if (plain.empty() || plain.find('\0') != std::string_view::npos ||
        plain.size() > kLongestName || cipher.key_size > fnek.size()) {
        return std::unexpected(
            base::Error{ErrorCode::kInvalidArgument,
                        "not a name that can be encrypted: it is empty, too long "
                        "or has a NUL"});
    }
    auto encryption =
        TRY(BlockCipher::create(*cipher.cipher, BlockCipher::Mode::kEcb,
                                BlockCipher::Direction::kEncrypt, fnek.first(cipher.key_size)));
    // The prefix grows until all is whole blocks.
    const auto block = cipher.cipher->block_size;
    const auto size = (kLeastPrefix + 1 + plain.size() + block - 1) / block * block;
    auto bytes = TRY(make_prefix(fnek, size - 1 - plain.size()));
    bytes.push_back(0);
    bytes.insert(bytes.end(), plain.begin(), plain.end());
    TRY(encryption.run({}, bytes, bytes));
    return EncryptedName{cipher.signature, cipher.cipher->code, std::move(bytes)};
}

}  // namespace ecryptfs::lower
