// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/extent_cipher.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "lib/base/try.h"
#include "lib/lower/header.h"

namespace ecryptfs::lower {
namespace {

using base::ByteSpan;
using base::ByteView;
using base::Result;

constexpr std::size_t kIvSize = 16;  // MD5's; smaller blocks take its beginning

Result<void> digest(evp_md_ctx_st* context, ByteView in, ByteSpan out) {
    if (::EVP_DigestInit_ex2(context, openssl_md5(), nullptr) != 1 ||
        ::EVP_DigestUpdate(context, in.data(), in.size()) != 1 ||
        ::EVP_DigestFinal_ex(context, out.data(), nullptr) != 1) {
        return std::unexpected(openssl_error("EVP_Digest"));
    }
    return {};
}

}  // namespace

Result<ExtentCipher> ExtentCipher::create(const FileKey& key, Engine engine) {
    ExtentCipher made(key.cipher->block_size);
    if (key.cipher->name == "aes" && engine == Engine::kFastest) {
        auto lanes = TRY(AesLanes::create(key.fek.view()));
        made.lanes_ = std::move(lanes);
    }
    if (!made.lanes_) {
        auto one_by_one = TRY(create_one_by_one(key));
        made.one_by_one_ = std::move(one_by_one);
    }
    return made;
}

Result<ExtentCipher::OneByOne> ExtentCipher::create_one_by_one(const FileKey& key) {
    auto decryption = TRY(BlockCipher::create(*key.cipher, BlockCipher::Mode::kCbc,
                                              BlockCipher::Direction::kDecrypt, key.fek.view()));
    auto encryption = TRY(BlockCipher::create(*key.cipher, BlockCipher::Mode::kCbc,
                                              BlockCipher::Direction::kEncrypt, key.fek.view()));
    EvpDigestContext context(::EVP_MD_CTX_new());
    if (openssl_md5() == nullptr || !context) {
        return std::unexpected(openssl_error("EVP_MD_fetch"));
    }
    auto iv_input = TRY(base::SecretBytes::create(2 * kIvSize));
    TRY(digest(context.get(), key.fek.view(), iv_input.span()));
    return OneByOne{std::move(decryption), std::move(encryption), std::move(context),
                    std::move(iv_input)};
}

Result<void> ExtentCipher::decrypt(std::uint64_t first, ByteView in, ByteSpan out) {
    TRY(check_sizes(in, out));
    return lanes_ ? lanes_->decrypt(first, in, out) : run(one_by_one_->decryption, first, in, out);
}

Result<void> ExtentCipher::encrypt(std::uint64_t first, ByteView in, ByteSpan out) {
    TRY(check_sizes(in, out));
    return lanes_ ? lanes_->encrypt(first, in, out) : run(one_by_one_->encryption, first, in, out);
}

Result<void> ExtentCipher::check_sizes(ByteView in, ByteSpan out) const {
    if (in.size() != out.size() || in.size() % block_size_ != 0) {
        return std::unexpected(
            base::Error{base::ErrorCode::kMalformed,
                        fmt::format("{} bytes are not whole blocks of {}, or have no room in {}",
                                    in.size(), block_size_, out.size())});
    }
    return {};
}

Result<void> ExtentCipher::run(BlockCipher& cipher, std::uint64_t first, ByteView in,
                               ByteSpan out) {
    while (!in.empty()) {
        const auto size = std::min(in.size(), kExtentSize);
        TRY(run_one(cipher, first, in.first(size), out.first(size)));
        in = in.subspan(size);
        out = out.subspan(size);
        ++first;
    }
    return {};
}

Result<void> ExtentCipher::run_one(BlockCipher& cipher, std::uint64_t number, ByteView in,
                                   ByteSpan out) {
    // In decimal, filled up by zeros. Of 20 digits the kernel would keep 16; no file is that large.
    auto& state = *one_by_one_;
    const auto field = state.iv_input.span().last(kIvSize);
    std::ranges::fill(field, std::uint8_t{0});
    auto* const start = reinterpret_cast<char*>(field.data());
    std::to_chars(start, start + field.size(), number);
    std::array<std::uint8_t, kIvSize> iv;
    TRY(digest(state.digest_context.get(), state.iv_input.view(), iv));
    return cipher.run(ByteView(iv).first(block_size_), in, out);
}

}  // namespace ecryptfs::lower
