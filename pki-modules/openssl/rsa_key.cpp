// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/rsa_key.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>

#include "lib/base/file_uri.h"
#include "lib/base/try.h"
#include "pki-modules/common/key_file.h"
#include "pki-modules/common/key_proof.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/openssl/pem_key.h"
#include "pki-modules/openssl/secure_memory.h"

namespace ecryptfs::openssl_module {

using base::Result;
using module::check_openssl;
using module::OpensslErrors;
using module::RsaContexts;
using module::RsaPadding;

RsaKey::RsaKey(module::RsaNumbers numbers, std::string_view what)
    : public_half_(std::move(numbers), RsaPadding::kOaepSha1, what) {}

Result<std::unique_ptr<RsaKey>> RsaKey::open(std::string_view locator,
                                             const base::SecretEntry& passphrase,
                                             bool with_private_half) {
    TRY(memory_is_safe());
    const auto path = TRY(base::path_of_file_uri(locator));
    const auto file = TRY(module::read_key_file(path, "this key, which has no passphrase"));
    const auto pem = file.contents.view();
    auto key = TRY(parse_rsa_private_key(pem, base::secret_bytes(passphrase), path));
    const std::string what = fmt::format("the RSA key in {}", module::shown(path));
    std::unique_ptr<RsaKey> opened(new RsaKey(module::rsa_numbers(*key), what));
    if (!is_encrypted(pem)) {
        opened->warning_ = file.exposure.value_or("");
    }
    if (with_private_half) {
        opened->private_half_.emplace(std::move(key), RsaPadding::kOaepSha1,
                                      RsaContexts::Operation::kDecrypt);
        // Otherwise a file with a damaged private half would open, and fail at each use.
        TRY(module::prove_halves_match(
            opened->public_half_,
            [&](base::ByteView wrapped, base::ByteSpan room) {
                return opened->decrypt_first(wrapped, room);
            },
            module::damaged_halves(what)));
    }
    return opened;
}

Result<std::size_t> RsaKey::decrypt_first(base::ByteView wrapped, base::ByteSpan room) {
    // Prepare these outside the secure heap, as they hold nothing of the key.
    static_cast<void>(private_half_->take());
    std::array<std::uint8_t, 1> random{};
    check_openssl("RAND_priv_bytes", ::RAND_priv_bytes(random.data(), 1));
    const SecureHeapScope copies_of_the_primes;
    return decrypt(wrapped, room);
}

Result<std::size_t> RsaKey::decrypt(base::ByteView wrapped, base::ByteSpan room) {
    // OpenSSL wants room for as many bytes as the modulus has.
    std::size_t size = modulus_size();
    auto plain = TRY(SecureBuffer::create(size));
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
