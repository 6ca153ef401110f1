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

// The padding of a file key: OAEP with an empty label and this hash, also in MGF1; or PKCS#1 v1.5,
// for keys that can do no better.
enum class RsaPadding { kOaepSha1, kOaepSha256, kOaepSha384, kOaepSha512, kPkcs1 };

// OpenSSL's name: "SHA256". Null for PKCS#1 v1.5.
const char* hash_name(RsaPadding padding);

// Contexts for RSA encryption with one key and one padding. An EVP_PKEY_CTX serves one thread at a
// time and is costly to prepare, so each is reused: there are as many as there were calls at once.
// Any thread.
class RsaContexts {
  public:
    enum class Operation { kEncrypt, kDecrypt };

    RsaContexts(EvpPkey key, RsaPadding padding, Operation operation)
        : key_(std::move(key)), padding_(padding), operation_(operation) {}

    // Lends one context to the caller. Returns it when destroyed.
    class Lease {
      public:
        Lease(RsaContexts& from, EvpPkeyContext context)
            : from_(from), context_(std::move(context)) {}
        ~Lease() { from_.put_back(std::move(context_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Lease(Lease&&) = delete;
        Lease& operator=(Lease&&) = delete;

        evp_pkey_ctx_st* get() const { return context_.get(); }

      private:
        RsaContexts& from_;
        EvpPkeyContext context_;
    };

    // Throws base::Failure when OpenSSL cannot prepare a context.
    Lease take();

  private:
    EvpPkeyContext prepare() const;
    void put_back(EvpPkeyContext context) noexcept;

    EvpPkey key_;
    RsaPadding padding_;
    Operation operation_;
    std::mutex mutex_;
    std::vector<EvpPkeyContext> idle_;
    std::size_t prepared_ = 0;  // idle or in use: the room that idle_ must have
};

}  // namespace ecryptfs::module
