// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/key_wrap.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include "lib/base/try.h"
#include "lib/folderkey/openssl_objects.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::folderkey {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kBlock = 8;
constexpr std::size_t kLongestInput = 1024;

Result<EvpCipherContext> make_context(base::ByteView wrapping_key, int encrypts) {
    const auto name = fmt::format("AES-{}-WRAP", 8 * wrapping_key.size());
    const EvpCipher cipher(::EVP_CIPHER_fetch(lower::openssl_library(), name.c_str(), nullptr));
    EvpCipherContext context(::EVP_CIPHER_CTX_new());
    if (cipher && context) {
        ::EVP_CIPHER_CTX_set_flags(context.get(), EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    }
    if (!cipher || !context ||
        ::EVP_CipherInit_ex2(context.get(), cipher.get(), wrapping_key.data(), nullptr, encrypts,
                             nullptr) != 1) {
        return std::unexpected(lower::openssl_error("AES-WRAP"));
    }
    return context;
}

bool are_whole_blocks(std::size_t size, std::size_t fewest) {
    return size % kBlock == 0 && size >= fewest * kBlock && size <= kLongestInput;
}

}  // namespace

Result<std::vector<std::uint8_t>> wrap_key(base::ByteView wrapping_key, base::ByteView key) {
    if (!are_whole_blocks(key.size(), 2)) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "a key to wrap is not of whole blocks"});
    }
    const auto context = TRY(make_context(wrapping_key, 1));
    std::vector<std::uint8_t> wrapped(key.size() + kBlock);
    int size = 0;
    if (::EVP_CipherUpdate(context.get(), wrapped.data(), &size, key.data(),
                           static_cast<int>(key.size())) != 1 ||
        static_cast<std::size_t>(size) != wrapped.size()) {
        return std::unexpected(lower::openssl_error("AES-WRAP"));
    }
    return wrapped;
}

Result<base::SecretBytes> unwrap_key(base::ByteView wrapping_key, base::ByteView wrapped) {
    if (!are_whole_blocks(wrapped.size(), 3)) {
        return std::unexpected(
            Error{ErrorCode::kDecryptFailed, "a wrapped key is not of whole blocks"});
    }
    const auto context = TRY(make_context(wrapping_key, 0));
    // OpenSSL writes a block more while it unwraps.
    auto room = TRY(base::SecretBytes::create(wrapped.size()));
    int size = 0;
    if (::EVP_CipherUpdate(context.get(), room.span().data(), &size, wrapped.data(),
                           static_cast<int>(wrapped.size())) != 1 ||
        static_cast<std::size_t>(size) != wrapped.size() - kBlock) {
        ::ERR_clear_error();
        return std::unexpected(
            Error{ErrorCode::kDecryptFailed, "the key was not wrapped by this one"});
    }
    return base::SecretBytes::copy(room.view().first(static_cast<std::size_t>(size)));
}

}  // namespace ecryptfs::folderkey
