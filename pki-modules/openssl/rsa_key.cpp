// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/rsa_key.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/base/file_uri.h"
#include "lib/base/try.h"
#include "pki-modules/common/key_file.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/openssl/pem_key.h"
#include "pki-modules/openssl/secure_memory.h"

namespace ecryptfs::openssl_module {

using base::Error;
using base::ErrorCode;
using base::Result;
using module::check_openssl;
using module::OpensslErrors;
using module::RsaContexts;
using module::RsaPadding;

RsaKey::RsaKey(module::RsaNumbers numbers, std::string_view what)
    : public_half_(std::move(numbers), RsaPadding::kOaepSha1, what) {}

Result<std::unique_ptr<RsaKey>> RsaKey::open(std::string_view locator,
                                             std::optional<base::ByteView> passphrase,
                                             bool with_private_half) {
    TRY(memory_is_safe());
    const auto path = TRY(base::path_of_file_uri(locator));
    const auto file = TRY(module::read_key_file(path, "this key, which has no passphrase"));
    const auto pem = file.contents.view();
    auto key = TRY(parse_rsa_private_key(pem, passphrase, path));
    const std::string what = fmt::format("the RSA key in {}", module::shown(path));
    std::unique_ptr<RsaKey> opened(new RsaKey(module::numbers_of(*key), what));
    if (!is_encrypted(pem)) {
        opened->warning_ = file.exposure.value_or("");
    }
    if (with_private_half) {
        opened->private_half_.emplace(std::move(key), RsaPadding::kOaepSha1,
                                      RsaContexts::Operation::kDecrypt);
        TRY(opened->prove_halves_fit(what));
    }
    return opened;
}

// A file with a damaged private half would otherwise open, and fail at each use.
Result<void> RsaKey::prove_halves_fit(std::string_view what) {
    constexpr std::array<std::uint8_t, 4> kProbe{1, 2, 3, 4};
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_WRAPPED_KEY> wrapped{};
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_FILE_KEY> unwrapped{};
    const auto wrapped_size = TRY(encrypt(kProbe, wrapped));
    const auto size = decrypt_first(base::ByteView{wrapped}.first(wrapped_size), unwrapped);
    if (size && std::ranges::equal(base::ByteView{unwrapped}.first(*size), kProbe)) {
        return {};
    }
    if (!size && size.error().code != ErrorCode::kDecryptFailed) {
        return std::unexpected(size.error());
    }
    return std::unexpected(Error{ErrorCode::kInvalidKey,
                                 fmt::format("{} is damaged: its halves do not match", what),
                                 "restore the file from a backup"});
}

Result<std::size_t> RsaKey::decrypt_first(base::ByteView wrapped, base::ByteSpan room) {
    // Made beforehand, as these are no part of the key.
    static_cast<void>(private_half_->take());
    std::array<std::uint8_t, 1> random{};
    check_openssl("RAND_priv_bytes", ::RAND_priv_bytes(random.data(), 1));
    const SecureHeapScope copies_of_the_primes;
    return decrypt(wrapped, room);
}

Result<std::size_t> RsaKey::decrypt(base::ByteView wrapped, base::ByteSpan room) {
    TRY(module::check_decrypt_sizes(room.size()));
    if (!private_half_) {
        return std::unexpected(Error{ErrorCode::kInternal, "the key was opened for encrypting only",
                                     "this is a fault of the caller: report it"});
    }
    // Shorter than the modulus is right: it is a number whose leading zeros were left off, as MPIs
    // have it, and OpenSSL reads it as one.
    const std::size_t modulus_size = public_half_.modulus_size();
    if (wrapped.empty() || wrapped.size() > modulus_size) {
        return std::unexpected(module::decrypt_failed());
    }
    // OpenSSL wants room for as many bytes as the modulus has.
    auto plain = TRY(SecureBuffer::create(modulus_size));
    std::size_t size = modulus_size;
    const auto context = private_half_->take();
    const int result =
        ::EVP_PKEY_decrypt(context.get(), plain.data(), &size, wrapped.data(), wrapped.size());
    if (result <= 0 || size == 0 || size > ECRYPTFS_PKI_MAX_FILE_KEY) {
        const bool out_of_memory = OpensslErrors::take().out_of_memory();
        return std::unexpected(out_of_memory ? module::out_of_locked_memory()
                                             : module::decrypt_failed());
    }
    std::memcpy(room.data(), plain.data(), size);
    return size;
}

}  // namespace ecryptfs::openssl_module
