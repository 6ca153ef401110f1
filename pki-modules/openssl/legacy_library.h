// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/handle.h"

struct ossl_lib_ctx_st;
struct ossl_provider_st;

namespace ecryptfs::openssl_module {

void free_library(ossl_lib_ctx_st* library) noexcept;
void unload_provider(ossl_provider_st* provider) noexcept;

// Gives this thread the ciphers of OpenSSL's legacy provider, besides the usual ones, as long as
// this lives. Keys that OpenSSL 1.0 encrypted need them. Nothing that outlives this may keep its
// library context, as an EVP_PKEY does.
class LegacyLibrary {
  public:
    LegacyLibrary();
    ~LegacyLibrary();
    LegacyLibrary(const LegacyLibrary&) = delete;
    LegacyLibrary& operator=(const LegacyLibrary&) = delete;
    LegacyLibrary(LegacyLibrary&&) = delete;
    LegacyLibrary& operator=(LegacyLibrary&&) = delete;

    // Whether the legacy provider is installed.
    bool is_present() const { return before_ != nullptr; }

  private:
    using Provider = base::Handle<ossl_provider_st, unload_provider>;

    base::Handle<ossl_lib_ctx_st, free_library> library_;
    Provider default_;  // unloaded before their library context
    Provider legacy_;
    ossl_lib_ctx_st* before_ = nullptr;  // the thread's own
};

}  // namespace ecryptfs::openssl_module
