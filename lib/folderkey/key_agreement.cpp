// SPDX-License-Identifier: Apache-2.0

#include "lib/folderkey/key_agreement.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <vector>

#include "lib/base/try.h"
#include "lib/folderkey/openssl_objects.h"
#include "lib/lower/openssl.h"

namespace ecryptfs::folderkey {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using pki::PublicKeyKind;

constexpr std::size_t kSha256Size = 32;

// RFC 7518 section 4.6.2: a length of 32 bits in front of each field.
void append_field(std::vector<std::uint8_t>& to, base::ByteView field) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        to.push_back(static_cast<std::uint8_t>(field.size() >> static_cast<unsigned>(shift)));
    }
    to.insert(to.end(), field.begin(), field.end());
}

const char* type_name(PublicKeyKind kind) {
    return kind == PublicKeyKind::kX25519 ? "X25519" : "EC";
}

// RFC 5480 section 2.1.1.1 names them so; null for X25519, which is no group.
const char* group_name(PublicKeyKind kind) {
    return kind == PublicKeyKind::kP256   ? "P-256"
           : kind == PublicKeyKind::kP384 ? "P-384"
                                          : nullptr;
}

// OpenSSL checks that the point is on the curve.
EvpPkey import_point(const pki::PublicKey& key) {
    const ParameterBuilder builder(::OSSL_PARAM_BLD_new());
    const char* group = group_name(key.kind);
    if (!builder ||
        (group != nullptr && ::OSSL_PARAM_BLD_push_utf8_string(
                                 builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1) ||
        ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, key.point.data(),
                                           key.point.size()) != 1) {
        return nullptr;
    }
    const Parameters parameters(::OSSL_PARAM_BLD_to_param(builder.get()));
    const EvpPkeyContext context(
        ::EVP_PKEY_CTX_new_from_name(lower::openssl_library(), type_name(key.kind), nullptr));
    EVP_PKEY* made = nullptr;
    if (!parameters || !context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
        ::EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
        return nullptr;
    }
    return EvpPkey(made);
}

EvpPkey generate_key(PublicKeyKind kind) {
    const char* group = group_name(kind);
    return EvpPkey(group == nullptr
                       ? ::EVP_PKEY_Q_keygen(lower::openssl_library(), nullptr, type_name(kind))
                       : ::EVP_PKEY_Q_keygen(lower::openssl_library(), nullptr, "EC", group));
}

Result<SecretBytes> derive(const EvpPkey& ours, const EvpPkey& peer, std::size_t size) {
    auto secret = TRY(SecretBytes::create(size));
    const EvpPkeyContext context(
        ::EVP_PKEY_CTX_new_from_pkey(lower::openssl_library(), ours.get(), nullptr));
    std::size_t derived = size;
    if (!context || ::EVP_PKEY_derive_init(context.get()) != 1 ||
        ::EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
        ::EVP_PKEY_derive(context.get(), secret.span().data(), &derived) != 1 || derived != size) {
        return std::unexpected(lower::openssl_error("EVP_PKEY_derive"));
    }
    return secret;
}

}  // namespace

Result<SecretBytes> derive_agreed_key(base::ByteView shared_secret, std::string_view algorithm,
                                      base::ByteView sender_info, base::ByteView receiver_info,
                                      std::size_t key_size) {
    std::vector<std::uint8_t> info;
    append_field(info, base::as_bytes(algorithm));
    append_field(info, sender_info);
    append_field(info, receiver_info);
    const auto bits = static_cast<std::uint32_t>(8 * key_size);
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        info.push_back(static_cast<std::uint8_t>(bits >> (shift - 8)));
    }
    constexpr std::array<std::uint8_t, 4> kFirstRound = {0, 0, 0, 1};
    auto digest = TRY(SecretBytes::create(kSha256Size));
    const EvpDigest sha256(::EVP_MD_fetch(lower::openssl_library(), "SHA256", nullptr));
    const EvpDigestContext context(::EVP_MD_CTX_new());
    const auto add = [&](base::ByteView bytes) {
        return ::EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1;
    };
    if (key_size > kSha256Size || !sha256 || !context ||
        ::EVP_DigestInit_ex2(context.get(), sha256.get(), nullptr) != 1 || !add(kFirstRound) ||
        !add(shared_secret) || !add(info) ||
        ::EVP_DigestFinal_ex(context.get(), digest.span().data(), nullptr) != 1) {
        return std::unexpected(lower::openssl_error("SHA256"));
    }
    return SecretBytes::copy(digest.view().first(key_size));
}

Result<EphemeralAgreement> make_agreement(const pki::PublicKey& receiver) {
    const auto peer = import_point(receiver);
    if (!peer) {
        ::ERR_clear_error();
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "the public key is not a point of its curve"});
    }
    const auto ours = generate_key(receiver.kind);
    pki::PublicKey ephemeral{receiver.kind, {}, {}, {}};
    ephemeral.point.resize(pki::point_size(receiver.kind));
    std::size_t size = 0;
    if (!ours ||
        ::EVP_PKEY_get_octet_string_param(ours.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                          ephemeral.point.data(), ephemeral.point.size(),
                                          &size) != 1 ||
        size != ephemeral.point.size()) {
        return std::unexpected(lower::openssl_error("EVP_PKEY_Q_keygen"));
    }
    auto secret = TRY(derive(ours, peer, pki::shared_secret_size(receiver.kind)));
    return EphemeralAgreement{std::move(ephemeral), std::move(secret)};
}

}  // namespace ecryptfs::folderkey
