// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/name_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "lib/base/secret_bytes.h"
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
    auto* const md5 = openssl_md5();
    std::array<std::uint8_t, kMd5Size> digest;
    base::ByteView hashed = fnek;
    std::vector<std::uint8_t> prefix;
    while (prefix.size() < size) {
        if (md5 == nullptr ||
            ::EVP_Digest(hashed.data(), hashed.size(), digest.data(), nullptr, md5, nullptr) != 1) {
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

// Up to this many bytes of the prefix are known beforehand; it is shorter than two blocks.
constexpr std::size_t kUsualPrefix = 2 * kMd5Size;

// The name behind the prefix and a NUL. `usual_prefix`: the first kUsualPrefix bytes.
Result<std::string> take_name(base::ByteView plain, base::ByteView usual_prefix,
                              base::ByteView fnek) {
    const auto nul = std::ranges::find(plain, 0);
    const auto prefix_size = static_cast<std::size_t>(nul - plain.begin());
    if (nul == plain.end() || prefix_size < kLeastPrefix) {
        return wrong_key_error();
    }
    std::vector<std::uint8_t> long_prefix;
    if (prefix_size > usual_prefix.size()) {
        long_prefix = TRY(make_prefix(fnek, prefix_size));
        usual_prefix = long_prefix;
    }
    const bool ours = std::ranges::equal(usual_prefix.first(prefix_size), plain.first(prefix_size));
    const auto text = base::as_text(plain.subspan(prefix_size + 1));
    if (!ours || text.empty() || text.find('\0') != std::string_view::npos) {
        return wrong_key_error();
    }
    return std::string(text);
}

}  // namespace

struct NameCoder::State {
    NameCipher cipher;
    base::SecretBytes fnek;
    std::vector<std::uint8_t> prefix;
    std::mutex mutex;  // of these:
    BlockCipher encryption;
    BlockCipher decryption;
};

Result<NameCoder> NameCoder::create(const NameCipher& cipher, base::ByteView fnek) {
    const auto key = fnek.first(std::min(cipher.key_size, fnek.size()));
    auto encryption = TRY(BlockCipher::create(*cipher.cipher, BlockCipher::Mode::kEcb,
                                              BlockCipher::Direction::kEncrypt, key));
    auto decryption = TRY(BlockCipher::create(*cipher.cipher, BlockCipher::Mode::kEcb,
                                              BlockCipher::Direction::kDecrypt, key));
    auto prefix = TRY(make_prefix(fnek, kUsualPrefix));
    auto copy = TRY(base::SecretBytes::copy(fnek));
    return NameCoder(std::shared_ptr<State>(new State{.cipher = cipher,
                                                      .fnek = std::move(copy),
                                                      .prefix = std::move(prefix),
                                                      .mutex = {},
                                                      .encryption = std::move(encryption),
                                                      .decryption = std::move(decryption)}));
}

Result<EncryptedName> NameCoder::encrypt(std::string_view plain) const {
    if (plain.empty() || plain.find('\0') != std::string_view::npos ||
        plain.size() > kLongestName) {
        return std::unexpected(
            base::Error{ErrorCode::kInvalidArgument,
                        "not a name that can be encrypted: it is empty, too long "
                        "or has a NUL"});
    }
    // The prefix grows until all is whole blocks.
    const auto& cipher = state_->cipher;
    const auto block = cipher.cipher->block_size;
    const auto size = (kLeastPrefix + 1 + plain.size() + block - 1) / block * block;
    const auto prefix = base::ByteView(state_->prefix).first(size - 1 - plain.size());
    std::vector<std::uint8_t> bytes(size);
    std::ranges::copy(prefix, bytes.begin());
    std::ranges::copy(base::as_bytes(plain),
                      bytes.begin() + static_cast<std::ptrdiff_t>(prefix.size()) + 1);
    const std::scoped_lock lock(state_->mutex);
    TRY(state_->encryption.run({}, bytes, bytes));
    return EncryptedName{cipher.signature, cipher.cipher->code, std::move(bytes)};
}

Result<std::string> NameCoder::decrypt(const EncryptedName& name) const {
    if (name.cipher_code != state_->cipher.cipher->code) {
        return wrong_key_error();
    }
    std::vector<std::uint8_t> plain(name.encrypted.size());
    {
        const std::scoped_lock lock(state_->mutex);
        TRY(state_->decryption.run({}, name.encrypted, plain));
    }
    return take_name(plain, state_->prefix, state_->fnek.view());
}

Result<std::string> decrypt_name(const EncryptedName& name, base::ByteView fnek) {
    const wire::Cipher* cipher = wire::find_cipher(name.cipher_code);
    // A name does not say the size of a Blowfish key and its like: only the mount's options do.
    for (const auto size : wire::kKeySizes) {
        if (cipher == nullptr || !cipher->takes_key(size) || size > fnek.size()) {
            continue;
        }
        const auto coder = TRY(NameCoder::create({name.signature, cipher, size}, fnek));
        auto plain = coder.decrypt(name);
        if (plain || plain.error().code != ErrorCode::kDecryptFailed) {
            return plain;
        }
    }
    return wrong_key_error();
}

Result<EncryptedName> encrypt_name(std::string_view plain, const NameCipher& cipher,
                                   base::ByteView fnek) {
    const auto coder = TRY(NameCoder::create(cipher, fnek));
    return coder.encrypt(plain);
}

}  // namespace ecryptfs::lower
