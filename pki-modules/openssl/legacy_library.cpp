// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/legacy_library.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

namespace ecryptfs::openssl_module {

void free_library(ossl_lib_ctx_st* library) noexcept {
    ::OSSL_LIB_CTX_free(library);
}

void unload_provider(ossl_provider_st* provider) noexcept {
    ::OSSL_PROVIDER_unload(provider);
}

LegacyLibrary::LegacyLibrary() : library_(::OSSL_LIB_CTX_new()) {
    if (library_) {
        default_.reset(::OSSL_PROVIDER_load(library_.get(), "default"));
        legacy_.reset(::OSSL_PROVIDER_load(library_.get(), "legacy"));
    }
    ::ERR_clear_error();
    if (default_ && legacy_) {
        before_ = ::OSSL_LIB_CTX_set0_default(library_.get());
    }
}

LegacyLibrary::~LegacyLibrary() {
    if (before_ != nullptr) {
        ::OSSL_LIB_CTX_set0_default(before_);
    }
}

}  // namespace ecryptfs::openssl_module
