// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/passphrase.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "lib/lower/openssl.h"

namespace ecryptfs::lower {
namespace {

using base::ErrorCode;
using base::Result;

constexpr int kIterations = 65'536;
constexpr std::size_t kSha512Size = 64;

}  // namespace

Result<PassphraseKey> derive_passphrase_key(base::ByteView passphrase, const Salt& salt) {
    if (passphrase.empty() || passphrase.size() > kMaxPassphrase) {
        return std::unexpected(
            base::Error{ErrorCode::kInvalidArgument,
                        fmt::format("a passphrase of {} bytes, where eCryptfs takes 1 to {}",
                                    passphrase.size(), kMaxPassphrase),
                        "choose another; letters outside of ASCII are several bytes each"});
    }
    auto input = base::SecretBytes::create(salt.size() + passphrase.size());
    auto key = base::SecretBytes::create(kSha512Size);
    auto once_more = base::SecretBytes::create(kSha512Size);
    if (!input || !key || !once_more) {
        return std::unexpected(!input ? input.error() : !key ? key.error() : once_more.error());
    }
    base::ByteWriter writer(input->span());
    writer.put(salt);
    writer.put(passphrase);

    const EvpDigest sha512(::EVP_MD_fetch(openssl_library(), "SHA512", nullptr));
    const EvpDigestContext context(::EVP_MD_CTX_new());
    const auto hash = [&](base::ByteView in, base::ByteSpan out) {
        return ::EVP_DigestInit_ex2(context.get(), sha512.get(), nullptr) == 1 &&
               ::EVP_DigestUpdate(context.get(), in.data(), in.size()) == 1 &&
               ::EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1;
    };
    bool done = sha512 && context && hash(input->view(), key->span());
    for (int i = 1; done && i < kIterations; ++i) {
        done = hash(key->view(), key->span());
    }
    if (!done || !hash(key->view(), once_more->span())) {
        return std::unexpected(openssl_error("EVP_Digest"));
    }
    const auto signature = wire::KeySignature::from_bytes(once_more->view().first<8>());
    return PassphraseKey{signature, std::move(*key), salt};
}

}  // namespace ecryptfs::lower
