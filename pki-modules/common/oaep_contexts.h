// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "lib/base/handle.h"

struct evp_pkey_st;
struct evp_pkey_ctx_st;

namespace ecryptfs::module {

void free_pkey(evp_pkey_st* key) noexcept;
void free_pkey_context(evp_pkey_ctx_st* context) noexcept;

using EvpPkey = base::Handle<evp_pkey_st, free_pkey>;
using EvpPkeyContext = base::Handle<evp_pkey_ctx_st, free_pkey_context>;

// The hash of OAEP and of its MGF1, by OpenSSL's name.
enum class OaepHash { kSha1, kSha256 };

// Contexts for RSA-OAEP with one key and an empty label. An EVP_PKEY_CTX serves one thread at a
// time and is costly to prepare: each is prepared once and handed out again, so there are as many
// as there were calls at once. Any thread.
class OaepContexts {
  public:
    enum class Operation { kEncrypt, kDecrypt };

    OaepContexts(EvpPkey key, OaepHash hash, Operation operation)
        : key_(std::move(key)), hash_(hash), operation_(operation) {}

    // One context for the caller alone; goes back when it is destroyed.
    class Lease {
      public:
        Lease(OaepContexts& from, EvpPkeyContext context)
            : from_(from), context_(std::move(context)) {}
        ~Lease() { from_.put_back(std::move(context_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Lease(Lease&&) = delete;
        Lease& operator=(Lease&&) = delete;

        evp_pkey_ctx_st* get() const { return context_.get(); }

      private:
        OaepContexts& from_;
        EvpPkeyContext context_;
    };

    // Throws base::Failure when OpenSSL cannot prepare a context.
    Lease take();

  private:
    EvpPkeyContext prepare() const;
    void put_back(EvpPkeyContext context) noexcept;

    EvpPkey key_;
    OaepHash hash_;
    Operation operation_;
    std::mutex mutex_;
    std::vector<EvpPkeyContext> idle_;
    std::size_t prepared_ = 0;  // idle or in use: the room that idle_ must have
};

}  // namespace ecryptfs::module
