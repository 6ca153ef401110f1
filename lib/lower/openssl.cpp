// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/openssl.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <array>

namespace ecryptfs::lower {

void free_cipher_context(evp_cipher_ctx_st* context) noexcept {
    ::EVP_CIPHER_CTX_free(context);
}

void free_digest_context(evp_md_ctx_st* context) noexcept {
    ::EVP_MD_CTX_free(context);
}

void free_digest(evp_md_st* digest) noexcept {
    ::EVP_MD_free(digest);
}

ossl_lib_ctx_st* openssl_library() {
    static ossl_lib_ctx_st* const library = [] {
        ossl_lib_ctx_st* made = ::OSSL_LIB_CTX_new();
        ::OSSL_PROVIDER_load(made, "default");
        ::OSSL_PROVIDER_load(made, "legacy");  // if it is missing, fetching its ciphers fails
        ::ERR_clear_error();
        return made;
    }();
    return library;
}

evp_md_st* openssl_md5() {
    static evp_md_st* const md5 = ::EVP_MD_fetch(openssl_library(), "MD5", nullptr);
    return md5;
}

base::Error openssl_error(std::string_view call) {
    std::array<char, 256> text{};
    ::ERR_error_string_n(::ERR_peek_error(), text.data(), text.size());
    ::ERR_clear_error();
    return {base::ErrorCode::kInternal, fmt::format("{}: {}", call, text.data())};
}

}  // namespace ecryptfs::lower
