// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/passphrase.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include "lib/base/try.h"
#include "lib/lower/named_key.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::lower {
namespace {

using base::ErrorCode;
using base::Result;

constexpr int kIterations = 65'536;
constexpr std::size_t kSha512Size = 64;

class Sha512 {
  public:
    bool run(base::ByteView in, base::ByteSpan out) const {
        return digest_ && context_ &&
               ::EVP_DigestInit_ex2(context_.get(), digest_.get(), nullptr) == 1 &&
               ::EVP_DigestUpdate(context_.get(), in.data(), in.size()) == 1 &&
               ::EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) == 1;
    }

  private:
    EvpDigest digest_{::EVP_MD_fetch(openssl_library(), "SHA512", nullptr)};
    EvpDigestContext context_{::EVP_MD_CTX_new()};
};

}  // namespace

Result<PassphraseKey> derive_passphrase_key(base::ByteView passphrase, const Salt& salt) {
    if (passphrase.empty() || passphrase.size() > kMaxPassphrase) {
        return std::unexpected(
            base::Error{ErrorCode::kInvalidArgument,
                        fmt::format("a passphrase of {} bytes, where eCryptfs takes 1 to {}",
                                    passphrase.size(), kMaxPassphrase),
                        "choose another; letters outside of ASCII are several bytes each"});
    }
    auto input = TRY(base::SecretBytes::create(salt.size() + passphrase.size()));
    auto key = TRY(base::SecretBytes::create(kSha512Size));
    base::ByteWriter writer(input.span());
    writer.put(salt);
    writer.put(passphrase);
    const Sha512 hash;
    bool done = hash.run(input.view(), key.span());
    for (int i = 1; done && i < kIterations; ++i) {
        done = hash.run(key.view(), key.span());
    }
    if (!done) {
        return std::unexpected(openssl_error("EVP_Digest"));
    }
    return name_passphrase_key(std::move(key), salt);
}

Result<PassphraseKey> name_passphrase_key(base::SecretBytes key, const Salt& salt) {
    if (key.size() != kSha512Size) {
        return std::unexpected(base::Error{
            ErrorCode::kInvalidArgument,
            fmt::format("a key of {} bytes, where eCryptfs has {}", key.size(), kSha512Size)});
    }
    auto once_more = TRY(base::SecretBytes::create(kSha512Size));
    if (!Sha512().run(key.view(), once_more.span())) {
        return std::unexpected(openssl_error("EVP_Digest"));
    }
    const auto signature = wire::KeySignature::from_bytes(once_more.view().first<8>());
    return PassphraseKey{signature, std::move(key), salt};
}

}  // namespace ecryptfs::lower
