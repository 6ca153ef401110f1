// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/oaep_contexts.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <array>
#include <string>

#include "pki-modules/common/openssl_error.h"

namespace ecryptfs::module {

void free_pkey(evp_pkey_st* key) noexcept {
    ::EVP_PKEY_free(key);
}

void free_pkey_context(evp_pkey_ctx_st* context) noexcept {
    ::EVP_PKEY_CTX_free(context);
}

OaepContexts::Lease OaepContexts::take() {
    {
        const std::scoped_lock lock(mutex_);
        if (!idle_.empty()) {
            EvpPkeyContext context = std::move(idle_.back());
            idle_.pop_back();
            return {*this, std::move(context)};
        }
        idle_.reserve(prepared_ + 1);  // here, so that put_back() need not allocate
        ++prepared_;
    }
    try {
        return {*this, prepare()};
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        --prepared_;
        throw;
    }
}

EvpPkeyContext OaepContexts::prepare() const {
    EvpPkeyContext context(check_openssl(
        "EVP_PKEY_CTX_new_from_pkey", ::EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr)));
    std::string padding = OSSL_PKEY_RSA_PAD_MODE_OAEP;
    std::string hash = hash_ == OaepHash::kSha1 ? "SHA1" : "SHA256";
    const std::array parameters{
        ::OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, padding.data(), 0),
        ::OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, hash.data(), 0),
        ::OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, hash.data(), 0),
        ::OSSL_PARAM_construct_end(),
    };
    if (operation_ == Operation::kEncrypt) {
        check_openssl("EVP_PKEY_encrypt_init_ex",
                      ::EVP_PKEY_encrypt_init_ex(context.get(), parameters.data()));
    } else {
        check_openssl("EVP_PKEY_decrypt_init_ex",
                      ::EVP_PKEY_decrypt_init_ex(context.get(), parameters.data()));
    }
    return context;
}

void OaepContexts::put_back(EvpPkeyContext context) noexcept {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(context));  // take() reserved the room
}

}  // namespace ecryptfs::module
