// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <string>

#include "pki-modules/host/public_point.h"

namespace ecryptfs::pki {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

Result<wire::KeySignature> digest_signature(base::ByteView bytes, const EVP_MD* hash,
                                            const Error& failure) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    if (::EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, hash, nullptr) != 1) {
        return std::unexpected(failure);
    }
    return wire::KeySignature::from_bytes(std::span(digest).first<8>());
}

Result<wire::KeySignature> rsa_signature(const PublicKey& key) {
    if (!is_well_formed(PublicKeyView(key))) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("the module gave a public key of {} bytes", key.modulus.size()),
                  "eCryptfs takes RSA keys of 1,024 to 4,096 bits"});
    }
    return digest_signature(
        wire::openpgp_public_key_packet(key.modulus, key.exponent), ::EVP_sha1(),
        {ErrorCode::kModuleFailed, "OpenSSL cannot compute SHA-1 here",
         "eCryptfs names keys by SHA-1: see that OpenSSL's configuration allows it"});
}

}  // namespace

Result<wire::KeySignature> compute_signature(const PublicKey& key) {
    if (key.kind == PublicKeyKind::kRsa) {
        return rsa_signature(key);
    }
    const auto curve = curve_name(key.kind);
    if (!is_well_formed(PublicKeyView(key)) || !is_public_point(key.kind, key.point)) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("the module gave a public key that is not of the curve {}", curve)});
    }
    const std::string thumbprint_input = wire::curve_key_text(curve, key.point);
    return digest_signature(base::as_bytes(thumbprint_input), ::EVP_sha256(),
                            {ErrorCode::kModuleFailed, "OpenSSL cannot compute SHA-256 here"});
}

}  // namespace ecryptfs::pki
