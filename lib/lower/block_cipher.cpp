// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/block_cipher.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "lib/base/try.h"
#include "lib/base/verb_advice.h"

namespace ecryptfs::lower {
namespace {

using base::ErrorCode;
using base::Result;

// OpenSSL's name of a cipher; empty if it has none. It never had Twofish and CAST6.
std::string openssl_name(const wire::Cipher& cipher, BlockCipher::Mode mode, std::size_t key_size) {
    const char* suffix = mode == BlockCipher::Mode::kCbc ? "CBC" : "ECB";
    if (cipher.name == "aes") {
        return fmt::format("AES-{}-{}", 8 * key_size, suffix);
    }
    if (cipher.name == "des3_ede") {
        return fmt::format("DES-EDE3-{}", suffix);
    }
    if (cipher.name == "blowfish") {
        return fmt::format("BF-{}", suffix);
    }
    return cipher.name == "cast5" ? fmt::format("CAST5-{}", suffix) : "";
}

// Null if OpenSSL has none. Looked for once: it takes longer than to encrypt a name. Never freed.
evp_cipher_st* fetch(const wire::Cipher& cipher, BlockCipher::Mode mode, std::size_t key_size) {
    static std::mutex mutex;
    static std::map<std::tuple<std::uint8_t, BlockCipher::Mode, std::size_t>, evp_cipher_st*> known;
    const std::scoped_lock lock(mutex);
    const auto [place, is_new] = known.try_emplace({cipher.code, mode, key_size}, nullptr);
    if (is_new) {
        const auto name = openssl_name(cipher, mode, key_size);
        place->second =
            name.empty() ? nullptr : ::EVP_CIPHER_fetch(openssl_library(), name.c_str(), nullptr);
        ::ERR_clear_error();
    }
    return place->second;
}

Result<evp_cipher_st*> find(const wire::Cipher& cipher, BlockCipher::Mode mode,
                            std::size_t key_size) {
    auto* const found = fetch(cipher, mode, key_size);
    if (found == nullptr) {
        return std::unexpected(base::Error{
            ErrorCode::kNotSupported, fmt::format("OpenSSL has no cipher {} here", cipher.name),
            openssl_name(cipher, mode, key_size).empty()
                ? base::cipher_mount_advice()
                : "install OpenSSL's legacy provider, or mount it with a kernel that has "
                  "it"});
    }
    return found;
}

}  // namespace

Result<BlockCipher> BlockCipher::create(const wire::Cipher& cipher, Mode mode, Direction direction,
                                        base::ByteView key) {
    if (!cipher.takes_key(key.size())) {
        return std::unexpected(base::Error{
            ErrorCode::kMalformed,
            fmt::format("a key of {} bytes for the cipher {}, which takes {} to {}", key.size(),
                        cipher.name, cipher.smallest_key, cipher.largest_key)});
    }
    auto* const found = TRY(find(cipher, mode, key.size()));
    EvpCipherContext context(::EVP_CIPHER_CTX_new());
    const int encrypts = direction == Direction::kEncrypt ? 1 : 0;
    // The key's size first: Blowfish and CAST5 take others than OpenSSL's default.
    if (!context ||
        ::EVP_CipherInit_ex2(context.get(), found, nullptr, nullptr, encrypts, nullptr) != 1 ||
        ::EVP_CIPHER_CTX_set_key_length(context.get(), static_cast<int>(key.size())) != 1 ||
        ::EVP_CipherInit_ex2(context.get(), nullptr, key.data(), nullptr, encrypts, nullptr) != 1 ||
        ::EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1) {
        return std::unexpected(openssl_error("EVP_CipherInit_ex2"));
    }
    return BlockCipher(std::move(context), cipher.block_size);
}

Result<void> BlockCipher::run(base::ByteView iv, base::ByteView in, base::ByteSpan out) {
    if (in.size() % block_size_ != 0 || in.size() != out.size() ||
        in.size() > std::size_t{std::numeric_limits<int>::max()} ||
        (!iv.empty() && iv.size() != block_size_)) {
        return std::unexpected(base::Error{
            ErrorCode::kMalformed,
            fmt::format("{} bytes are not whole blocks of {}", in.size(), block_size_)});
    }
    int size = 0;
    if (::EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, iv.empty() ? nullptr : iv.data(), -1,
                             nullptr) != 1 ||
        ::EVP_CipherUpdate(context_.get(), out.data(), &size, in.data(),
                           static_cast<int>(in.size())) != 1 ||
        static_cast<std::size_t>(size) != in.size()) {
        return std::unexpected(openssl_error("EVP_CipherUpdate"));
    }
    return {};
}

}  // namespace ecryptfs::lower
