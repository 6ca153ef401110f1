// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/rsa_contexts.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <array>

#include "pki-modules/common/openssl_error.h"

namespace ecryptfs::module {

namespace {

// OpenSSL's parameters do not own the texts that they name; these are constants.
OSSL_PARAM text_parameter(const char* name, const char* text) {
    return ::OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(text), 0);
}

std::array<OSSL_PARAM, 4> padding_parameters(RsaPadding padding) {
    const char* hash = hash_name(padding);
    if (hash == nullptr) {
        return {text_parameter(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, OSSL_PKEY_RSA_PAD_MODE_PKCSV15),
                ::OSSL_PARAM_construct_end()};
    }
    return {text_parameter(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, OSSL_PKEY_RSA_PAD_MODE_OAEP),
            text_parameter(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, hash),
            text_parameter(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, hash), ::OSSL_PARAM_construct_end()};
}

}  // namespace

const char* hash_name(RsaPadding padding) {
    switch (padding) {
        case RsaPadding::kOaepSha1:
            return "SHA1";
        case RsaPadding::kOaepSha256:
            return "SHA256";
        case RsaPadding::kOaepSha384:
            return "SHA384";
        case RsaPadding::kOaepSha512:
            return "SHA512";
        case RsaPadding::kPkcs1:
            break;
    }
    return nullptr;
}

void free_pkey(evp_pkey_st* key) noexcept {
    ::EVP_PKEY_free(key);
}

void free_pkey_context(evp_pkey_ctx_st* context) noexcept {
    ::EVP_PKEY_CTX_free(context);
}

RsaContexts::Lease RsaContexts::take() {
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

EvpPkeyContext RsaContexts::prepare() const {
    EvpPkeyContext context(check_openssl(
        "EVP_PKEY_CTX_new_from_pkey", ::EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr)));
    const auto parameters = padding_parameters(padding_);
    if (operation_ == Operation::kEncrypt) {
        check_openssl("EVP_PKEY_encrypt_init_ex",
                      ::EVP_PKEY_encrypt_init_ex(context.get(), parameters.data()));
    } else {
        check_openssl("EVP_PKEY_decrypt_init_ex",
                      ::EVP_PKEY_decrypt_init_ex(context.get(), parameters.data()));
    }
    return context;
}

void RsaContexts::put_back(EvpPkeyContext context) noexcept {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(context));  // take() reserved the room
}

}  // namespace ecryptfs::module
