// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/extent_cipher.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/base/try.h"
#include "lib/lower/header.h"

namespace ecryptfs::lower {
namespace {

using base::Result;

constexpr std::size_t kIvSize = 16;  // MD5's; smaller blocks take its beginning

Result<void> digest(evp_md_ctx_st* context, evp_md_st* md5, base::ByteView in, base::ByteSpan out) {
    if (::EVP_DigestInit_ex2(context, md5, nullptr) != 1 ||
        ::EVP_DigestUpdate(context, in.data(), in.size()) != 1 ||
        ::EVP_DigestFinal_ex(context, out.data(), nullptr) != 1) {
        return std::unexpected(openssl_error("EVP_Digest"));
    }
    return {};
}

}  // namespace

Result<ExtentCipher> ExtentCipher::create(const FileKey& key) {
    auto decryption = TRY(BlockCipher::create(*key.cipher, BlockCipher::Mode::kCbc,
                                              BlockCipher::Direction::kDecrypt, key.fek.view()));
    auto encryption = TRY(BlockCipher::create(*key.cipher, BlockCipher::Mode::kCbc,
                                              BlockCipher::Direction::kEncrypt, key.fek.view()));
    EvpDigest md5(::EVP_MD_fetch(openssl_library(), "MD5", nullptr));
    EvpDigestContext context(::EVP_MD_CTX_new());
    if (!md5 || !context) {
        return std::unexpected(openssl_error("EVP_MD_fetch"));
    }
    auto iv_input = TRY(base::SecretBytes::create(2 * kIvSize));
    TRY(digest(context.get(), md5.get(), key.fek.view(), iv_input.span()));
    return ExtentCipher(std::move(decryption), std::move(encryption), std::move(md5),
                        std::move(context), std::move(iv_input), key.cipher->block_size);
}

Result<void> ExtentCipher::run(BlockCipher& cipher, std::uint64_t first, base::ByteSpan extents) {
    while (!extents.empty()) {
        const auto extent = extents.first(std::min(extents.size(), kExtentSize));
        TRY(run_one(cipher, first, extent));
        extents = extents.subspan(extent.size());
        ++first;
    }
    return {};
}

Result<void> ExtentCipher::run_one(BlockCipher& cipher, std::uint64_t number,
                                   base::ByteSpan extent) {
    // In decimal, filled up by zeros. Of 20 digits the kernel would keep 16; no file is that large.
    const auto field = iv_input_.span().last(kIvSize);
    std::ranges::fill(field, std::uint8_t{0});
    auto* const start = reinterpret_cast<char*>(field.data());
    std::to_chars(start, start + field.size(), number);
    std::array<std::uint8_t, kIvSize> iv;
    TRY(digest(digest_context_.get(), md5_.get(), iv_input_.view(), iv));
    return cipher.run(base::ByteView(iv).first(block_size_), extent, extent);
}

}  // namespace ecryptfs::lower
