// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/wrapping.h"

#include <openssl/rand.h>

#include <algorithm>

#include "lib/base/try.h"
#include "lib/lower/block_cipher.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::lower {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

constexpr std::size_t kBlock = 16;

Result<BlockCipher> make_cipher(const PassphraseKey& key, BlockCipher::Direction direction) {
    constexpr std::uint8_t kAes128 = 7;
    return BlockCipher::create(*wire::find_cipher(kAes128), BlockCipher::Mode::kEcb, direction,
                               key.key.view().first(kBlock));
}

}  // namespace

Result<SecretBytes> unwrap_passphrase(const WrappedPassphrase& wrapped,
                                      base::ByteView wrapping_passphrase) {
    const auto key = TRY(derive_passphrase_key(wrapping_passphrase, wrapped.salt));
    if (key.signature != wrapped.signature) {
        return std::unexpected(
            Error{ErrorCode::kWrongSecret, "this is not the wrapping passphrase of that file"});
    }
    auto cipher = make_cipher(key, BlockCipher::Direction::kDecrypt);
    auto padded = SecretBytes::create(wrapped.encrypted.size());
    if (!cipher || !padded) {
        return std::unexpected(cipher ? padded.error() : cipher.error());
    }
    TRY(cipher->run({}, wrapped.encrypted, padded->span()));
    const auto end = std::ranges::find(padded->view(), 0);
    if (end == padded->view().begin()) {
        return std::unexpected(Error{ErrorCode::kMalformed, "the wrapped passphrase is empty"});
    }
    return SecretBytes::copy(
        padded->view().first(static_cast<std::size_t>(end - padded->view().begin())));
}

Result<WrappedPassphrase> wrap_passphrase(base::ByteView passphrase,
                                          base::ByteView wrapping_passphrase) {
    if (passphrase.empty() || passphrase.size() > kMaxPassphrase ||
        std::ranges::find(passphrase, 0) != passphrase.end()) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     "the passphrase to wrap is not 1 to 64 bytes other than NUL",
                                     "choose another mount passphrase"});
    }
    Salt salt;
    if (::RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1) {
        return std::unexpected(openssl_error("RAND_bytes"));
    }
    const auto key = TRY(derive_passphrase_key(wrapping_passphrase, salt));
    auto cipher = make_cipher(key, BlockCipher::Direction::kEncrypt);
    auto padded = SecretBytes::create((passphrase.size() + kBlock - 1) / kBlock * kBlock);
    if (!cipher || !padded) {
        return std::unexpected(cipher ? padded.error() : cipher.error());
    }
    std::ranges::copy(passphrase, padded->span().begin());
    std::vector<std::uint8_t> encrypted(padded->size());
    TRY(cipher->run({}, padded->view(), encrypted));
    return WrappedPassphrase{2, salt, key.signature, std::move(encrypted)};
}

}  // namespace ecryptfs::lower
