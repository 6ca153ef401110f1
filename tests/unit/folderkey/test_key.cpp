// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/folderkey/test_key.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/rsa.h>

#include <array>
#include <string>

#include "lib/base/base64url.h"
#include "lib/base/try.h"
#include "tests/support/bytes.h"

namespace ecryptfs::test {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using base::to_base64url;
using pki::PublicKeyKind;

EVP_PKEY* generate(PublicKeyKind kind) {
    switch (kind) {
        case PublicKeyKind::kRsa:
            return ::EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
        case PublicKeyKind::kP256:
            return ::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
        case PublicKeyKind::kP384:
            return ::EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
        case PublicKeyKind::kX25519:
            break;
    }
    return ::EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519");
}

// A number of the key, of `size` bytes, or of as many as it needs.
Bytes number(EVP_PKEY* key, const char* name, std::size_t size = 0) {
    BIGNUM* found = nullptr;
    EXPECT_EQ(::EVP_PKEY_get_bn_param(key, name, &found), 1) << name;
    const folderkey::BigNumber owner(found);
    Bytes bytes(size == 0 ? static_cast<std::size_t>(BN_num_bytes(found)) : size);
    EXPECT_EQ(::BN_bn2binpad(found, bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
    return bytes;
}

Bytes octets(EVP_PKEY* key, const char* name) {
    Bytes bytes(256);
    std::size_t size = 0;
    EXPECT_EQ(::EVP_PKEY_get_octet_string_param(key, name, bytes.data(), bytes.size(), &size), 1);
    bytes.resize(size);
    return bytes;
}

}  // namespace

TestKey::TestKey(PublicKeyKind kind) : key_(generate(kind)), public_key_{kind, {}, {}, {}} {
    if (kind == PublicKeyKind::kRsa) {
        public_key_.modulus = number(key_.get(), OSSL_PKEY_PARAM_RSA_N);
        public_key_.exponent = number(key_.get(), OSSL_PKEY_PARAM_RSA_E);
    } else {
        public_key_.point = octets(key_.get(), OSSL_PKEY_PARAM_PUB_KEY);
    }
}

nlohmann::json TestKey::jwk() const {
    const auto base64_number = [&](const char* name) {
        return to_base64url(number(key_.get(), name));
    };
    const auto size = pki::shared_secret_size(public_key_.kind);
    const base::ByteView point(public_key_.point);
    switch (public_key_.kind) {
        case PublicKeyKind::kRsa:
            return {{"kty", "RSA"},
                    {"n", base64_number(OSSL_PKEY_PARAM_RSA_N)},
                    {"e", base64_number(OSSL_PKEY_PARAM_RSA_E)},
                    {"d", base64_number(OSSL_PKEY_PARAM_RSA_D)},
                    {"p", base64_number(OSSL_PKEY_PARAM_RSA_FACTOR1)},
                    {"q", base64_number(OSSL_PKEY_PARAM_RSA_FACTOR2)},
                    {"dp", base64_number(OSSL_PKEY_PARAM_RSA_EXPONENT1)},
                    {"dq", base64_number(OSSL_PKEY_PARAM_RSA_EXPONENT2)},
                    {"qi", base64_number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1)}};
        case PublicKeyKind::kX25519:
            return {{"kty", "OKP"},
                    {"crv", "X25519"},
                    {"x", to_base64url(point)},
                    {"d", to_base64url(octets(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY))}};
        case PublicKeyKind::kP256:
        case PublicKeyKind::kP384:
            break;
    }
    return {{"kty", "EC"},
            {"crv", pki::curve_name(public_key_.kind)},
            {"x", to_base64url(point.subspan(1, size))},
            {"y", to_base64url(point.subspan(1 + size))},
            {"d", to_base64url(number(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, size))}};
}

Result<SecretBytes> TestKey::decrypt_oaep(pki::OaepDigest digest, base::ByteView input) {
    const folderkey::EvpPkeyContext context(::EVP_PKEY_CTX_new(key_.get(), nullptr));
    const char* name = digest == pki::OaepDigest::kSha1 ? "SHA1" : "SHA256";
    auto output = TRY(SecretBytes::create(512));
    std::size_t size = output.size();
    if (::EVP_PKEY_decrypt_init(context.get()) != 1 ||
        ::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        ::EVP_PKEY_CTX_set_rsa_oaep_md_name(context.get(), name, nullptr) != 1 ||
        ::EVP_PKEY_decrypt(context.get(), output.span().data(), &size, input.data(),
                           input.size()) != 1) {
        return std::unexpected(Error{ErrorCode::kDecryptFailed, "not wrapped for this key"});
    }
    return SecretBytes::copy(output.view().first(size));
}

Result<SecretBytes> TestKey::derive(base::ByteView peer) {
    const folderkey::EvpPkey public_peer(::EVP_PKEY_new());
    const folderkey::EvpPkeyContext context(::EVP_PKEY_CTX_new(key_.get(), nullptr));
    auto secret = TRY(SecretBytes::create(pki::shared_secret_size(public_key_.kind)));
    std::size_t size = secret.size();
    if (::EVP_PKEY_copy_parameters(public_peer.get(), key_.get()) < 0 ||
        ::EVP_PKEY_set1_encoded_public_key(public_peer.get(), peer.data(), peer.size()) != 1 ||
        ::EVP_PKEY_derive_init(context.get()) != 1 ||
        ::EVP_PKEY_derive_set_peer(context.get(), public_peer.get()) != 1 ||
        ::EVP_PKEY_derive(context.get(), secret.span().data(), &size) != 1) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument, "no point of this curve"});
    }
    return secret;
}

}  // namespace ecryptfs::test
