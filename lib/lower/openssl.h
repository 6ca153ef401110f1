// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's objects and errors, for all files of this folder.

#pragma once

#include <string_view>

#include "lib/base/error.h"
#include "lib/base/handle.h"

struct evp_cipher_ctx_st;
struct evp_cipher_st;
struct evp_md_ctx_st;
struct evp_md_st;
struct ossl_lib_ctx_st;

namespace ecryptfs::lower {

void free_cipher_context(evp_cipher_ctx_st* context) noexcept;
void free_digest_context(evp_md_ctx_st* context) noexcept;
void free_digest(evp_md_st* digest) noexcept;

using EvpCipherContext = base::Handle<evp_cipher_ctx_st, free_cipher_context>;
using EvpDigest = base::Handle<evp_md_st, free_digest>;
using EvpDigestContext = base::Handle<evp_md_ctx_st, free_digest_context>;

// A library context of our own, with OpenSSL's legacy provider where that is installed, whatever
// the machine's openssl.cnf says. Lives as long as the process.
ossl_lib_ctx_st* openssl_library();

// MD5, which is looked for once; null if OpenSSL has none. Lives as long as the process.
evp_md_st* openssl_md5();

// kInternal: "CALL: what OpenSSL says"; empties the thread's error queue.
base::Error openssl_error(std::string_view call);

}  // namespace ecryptfs::lower
