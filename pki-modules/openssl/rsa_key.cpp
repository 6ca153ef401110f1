// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/rsa_key.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>

#include "lib/base/try.h"
#include "pki-modules/common/key_proof.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"
#include "pki-modules/openssl/secure_memory.h"

namespace ecryptfs::openssl_module {

using base::Result;
using module::check_openssl;
using module::OpensslErrors;
using module::RsaContexts;
using module::RsaPadding;

RsaKey::RsaKey(const evp_pkey_st& key, std::string_view what, std::string warning)
    : public_half_(module::rsa_numbers(key), RsaPadding::kOaepSha1, what),
      warning_(std::move(warning)) {}

Result<void> RsaKey::add_private_half(module::EvpPkey key, std::string_view what) {
    check_openssl("EVP_PKEY_up_ref", ::EVP_PKEY_up_ref(key.get()));
    module::EvpPkey same(key.get());
    using Contexts = RsaContexts;
    constexpr auto kDecrypt = Contexts::Operation::kDecrypt;
    private_half_.reset(
        new PrivateHalf{Contexts(std::move(key), RsaPadding::kOaepSha1, kDecrypt),
                        Contexts(std::move(same), RsaPadding::kOaepSha256, kDecrypt)});
    // Otherwise a file with a damaged private half would open, and fail at each use.
    return module::prove_halves_match(
        public_half_,
        [this](base::ByteView wrapped, base::ByteSpan room) { return unwrap_first(wrapped, room); },
        module::damaged_halves(what));
}

Result<std::size_t> RsaKey::unwrap_first(base::ByteView wrapped, base::ByteSpan room) {
    // Prepare these outside the secure heap, as they hold nothing of the key.
    static_cast<void>(private_half_->sha1.take());
    std::array<std::uint8_t, 1> random{};
    check_openssl("RAND_priv_bytes", ::RAND_priv_bytes(random.data(), 1));
    const SecureHeapScope copies_of_the_primes;
    return unwrap_file_key(wrapped, room);
}

Result<std::size_t> RsaKey::unwrap_file_key(base::ByteView wrapped, base::ByteSpan room) {
    return unwrap(private_half_->sha1, wrapped, room);
}

Result<std::size_t> RsaKey::unwrap_content_key(ecryptfs_pki_oaep_hash hash, base::ByteView wrapped,
                                               base::ByteSpan room) {
    return unwrap(hash == ECRYPTFS_PKI_OAEP_SHA1 ? private_half_->sha1 : private_half_->sha256,
                  wrapped, room);
}

Result<std::size_t> RsaKey::unwrap(RsaContexts& contexts, base::ByteView wrapped,
                                   base::ByteSpan room) {
    // OpenSSL wants room for as many bytes as the modulus has.
    std::size_t size = modulus_size();
    auto plain = TRY(SecureBuffer::create(size));
    const auto context = contexts.take();
    const int result =
        ::EVP_PKEY_decrypt(context.get(), plain.data(), &size, wrapped.data(), wrapped.size());
    if (result <= 0 || size == 0 || size > room.size()) {
        const bool out_of_memory = OpensslErrors::take().out_of_memory();
        return std::unexpected(out_of_memory ? module::out_of_locked_memory()
                                             : module::decrypt_failed());
    }
    std::memcpy(room.data(), plain.data(), size);
    return size;
}

}  // namespace ecryptfs::openssl_module
