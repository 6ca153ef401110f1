// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/openssl/legacy_library.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

namespace ecryptfs::openssl_module {

void free_library(ossl_lib_ctx_st* library) noexcept {
    ::OSSL_LIB_CTX_free(library);  // unloads its providers
}

LegacyLibrary::LegacyLibrary() : library_(::OSSL_LIB_CTX_new()) {
    const bool loaded = library_ && ::OSSL_PROVIDER_load(library_.get(), "default") != nullptr &&
                        ::OSSL_PROVIDER_load(library_.get(), "legacy") != nullptr;
    ::ERR_clear_error();
    if (loaded) {
        before_ = ::OSSL_LIB_CTX_set0_default(library_.get());
    }
}

LegacyLibrary::~LegacyLibrary() {
    if (before_ != nullptr) {
        ::OSSL_LIB_CTX_set0_default(before_);
    }
}

}  // namespace ecryptfs::openssl_module
