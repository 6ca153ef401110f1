// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL's objects, for the files of this folder.

#pragma once

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include "lib/base/handle.h"

namespace ecryptfs::folderkey {

using EvpCipher = base::Handle<EVP_CIPHER, EVP_CIPHER_free>;
using EvpCipherContext = base::Handle<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using EvpDigest = base::Handle<EVP_MD, EVP_MD_free>;
using EvpDigestContext = base::Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using EvpKdf = base::Handle<EVP_KDF, EVP_KDF_free>;
using EvpKdfContext = base::Handle<EVP_KDF_CTX, EVP_KDF_CTX_free>;
using EvpPkey = base::Handle<EVP_PKEY, EVP_PKEY_free>;
using EvpPkeyContext = base::Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using ParameterBuilder = base::Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = base::Handle<OSSL_PARAM, OSSL_PARAM_free>;
using BigNumber = base::Handle<BIGNUM, BN_free>;

}  // namespace ecryptfs::folderkey
