// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/key_wrapping.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "lib/base/try.h"
#include "lib/folderkey/key_agreement.h"
#include "lib/folderkey/key_wrap.h"
#include "lib/folderkey/openssl_objects.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::folderkey {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using pki::OaepDigest;

const char* digest_name(OaepDigest digest) {
    return digest == OaepDigest::kSha1 ? "SHA1" : "SHA256";
}

BigNumber to_number(base::ByteView bytes) {
    return BigNumber(::BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

EvpPkey import_rsa(const pki::PublicKey& key) {
    const auto modulus = to_number(key.modulus);
    const auto exponent = to_number(key.exponent);
    const ParameterBuilder builder(::OSSL_PARAM_BLD_new());
    if (!modulus || !exponent || !builder ||
        ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
        ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
        return nullptr;
    }
    const Parameters parameters(::OSSL_PARAM_BLD_to_param(builder.get()));
    const EvpPkeyContext context(
        ::EVP_PKEY_CTX_new_from_name(lower::openssl_library(), "RSA", nullptr));
    EVP_PKEY* made = nullptr;
    if (!parameters || !context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
        ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
        return nullptr;
    }
    return EvpPkey(made);
}

Result<std::vector<std::uint8_t>> encrypt_oaep(base::ByteView content_key,
                                               const pki::PublicKey& key, OaepDigest digest) {
    const auto rsa = import_rsa(key);
    if (!rsa) {
        ::ERR_clear_error();
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "the public key is not an RSA key"});
    }
    const EvpPkeyContext context(
        ::EVP_PKEY_CTX_new_from_pkey(lower::openssl_library(), rsa.get(), nullptr));
    std::vector<std::uint8_t> encrypted(static_cast<std::size_t>(::EVP_PKEY_get_size(rsa.get())));
    std::size_t size = encrypted.size();
    const char* name = digest_name(digest);  // of MGF1 likewise
    if (!context || ::EVP_PKEY_encrypt_init(context.get()) != 1 ||
        ::EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        ::EVP_PKEY_CTX_set_rsa_oaep_md_name(context.get(), name, nullptr) != 1 ||
        ::EVP_PKEY_CTX_set_rsa_mgf1_md_name(context.get(), name, nullptr) != 1 ||
        ::EVP_PKEY_encrypt(context.get(), encrypted.data(), &size, content_key.data(),
                           content_key.size()) != 1) {
        return std::unexpected(lower::openssl_error("EVP_PKEY_encrypt"));
    }
    encrypted.resize(size);
    return encrypted;
}

Result<SecretBytes> derive_wrapping_key(const Recipient& recipient, base::ByteView shared_secret) {
    return derive_agreed_key(shared_secret, algorithm_name(KeyWrapping::kEcdhEs),
                             recipient.sender_info, recipient.receiver_info, kContentKeySize);
}

Result<Recipient> wrap_for_curve(base::ByteView content_key, const pki::PublicKey& key) {
    auto agreement = TRY(make_agreement(key));
    Recipient recipient;
    recipient.wrapping = KeyWrapping::kEcdhEs;
    recipient.ephemeral_key = std::move(agreement.ephemeral_key);
    const auto wrapping_key = TRY(derive_wrapping_key(recipient, agreement.shared_secret.view()));
    auto wrapped = TRY(wrap_key(wrapping_key.view(), content_key));
    recipient.encrypted_key = std::move(wrapped);
    return recipient;
}

}  // namespace

Result<Recipient> wrap_for_key(base::ByteView content_key, const pki::PublicKey& key,
                               OaepDigest digest) {
    if (key.kind != pki::PublicKeyKind::kRsa) {
        return wrap_for_curve(content_key, key);
    }
    Recipient recipient;
    recipient.wrapping =
        digest == OaepDigest::kSha1 ? KeyWrapping::kRsaOaep : KeyWrapping::kRsaOaep256;
    auto encrypted = TRY(encrypt_oaep(content_key, key, digest));
    recipient.encrypted_key = std::move(encrypted);
    return recipient;
}

Result<SecretBytes> unwrap_with_key(const Recipient& recipient, PrivateKey& key) {
    switch (recipient.wrapping) {
        case KeyWrapping::kRsaOaep:
            return key.decrypt_oaep(OaepDigest::kSha1, recipient.encrypted_key);
        case KeyWrapping::kRsaOaep256:
            return key.decrypt_oaep(OaepDigest::kSha256, recipient.encrypted_key);
        case KeyWrapping::kEcdhEs: {
            const auto secret = TRY(key.derive(recipient.ephemeral_key.point));
            const auto wrapping_key = TRY(derive_wrapping_key(recipient, secret.view()));
            return unwrap_key(wrapping_key.view(), recipient.encrypted_key);
        }
        case KeyWrapping::kPbes2:
            break;
    }
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument, "this recipient is a passphrase, not a private key"});
}

}  // namespace ecryptfs::folderkey
