// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/signature.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

namespace ecryptfs::pki {
namespace {

constexpr std::size_t kMinModulus = 128;
constexpr std::size_t kMaxModulus = 512;
constexpr std::size_t kSha1Size = 20;

}  // namespace

base::Result<wire::KeySignature> compute_signature(const KeyDescription& key) {
    if (key.modulus.size() < kMinModulus || key.modulus.size() > kMaxModulus ||
        key.exponent.empty()) {
        return std::unexpected(
            base::Error{base::ErrorCode::kInvalidKey,
                        fmt::format("the module gave a public key of {} bytes", key.modulus.size()),
                        "eCryptfs takes RSA keys of 1,024 to 4,096 bits"});
    }
    const auto packet = wire::openpgp_public_key_packet(key.modulus, key.exponent);
    std::array<std::uint8_t, kSha1Size> digest{};
    if (::EVP_Digest(packet.data(), packet.size(), digest.data(), nullptr, ::EVP_sha1(), nullptr) !=
        1) {
        return std::unexpected(base::Error{
            base::ErrorCode::kModuleFailed, "OpenSSL cannot compute SHA-1 here",
            "eCryptfs names keys by SHA-1: see that OpenSSL's configuration allows it"});
    }
    return wire::KeySignature::from_bytes(std::span(digest).first<8>());
}

}  // namespace ecryptfs::pki
