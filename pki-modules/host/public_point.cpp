// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/public_point.h"

#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <algorithm>

#include "lib/base/handle.h"

namespace ecryptfs::pki {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

using Group = base::Handle<EC_GROUP, EC_GROUP_free>;
using Point = base::Handle<EC_POINT, EC_POINT_free>;

Error bad_peer(PublicKeyKind kind) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("the other side's public key is no usable key of the curve {}",
                        curve_name(kind))};
}

}  // namespace

bool is_public_point(PublicKeyKind kind, base::ByteView point) {
    PublicKeyView key;
    key.kind = kind;
    key.point = point;
    if (kind == PublicKeyKind::kRsa || !is_well_formed(key)) {
        return false;
    }
    if (kind == PublicKeyKind::kX25519) {
        return true;
    }
    const Group group(::EC_GROUP_new_by_curve_name(
        kind == PublicKeyKind::kP256 ? NID_X9_62_prime256v1 : NID_secp384r1));
    const Point read(group ? ::EC_POINT_new(group.get()) : nullptr);
    const bool is_on_curve = read && ::EC_POINT_oct2point(group.get(), read.get(), point.data(),
                                                          point.size(), nullptr) == 1;
    ::ERR_clear_error();
    return is_on_curve;
}

Result<base::ByteView> derive_secret(const ModuleKey& key, PublicKeyKind kind, base::ByteView peer,
                                     base::ByteSpan output) {
    if (kind == PublicKeyKind::kRsa) {
        return std::unexpected(Error{ErrorCode::kNotSupported, "an RSA key cannot do ECDH"});
    }
    if (!is_public_point(kind, peer)) {
        return std::unexpected(bad_peer(kind));
    }
    const auto derived = key.derive(peer, output);
    if (!derived) {
        return std::unexpected(derived.error().code == ErrorCode::kDecryptFailed ? bad_peer(kind)
                                                                                 : derived.error());
    }
    const auto secret = *derived;
    if (secret.size() != shared_secret_size(kind)) {
        return std::unexpected(
            Error{ErrorCode::kModuleFailed,
                  fmt::format("the PKI module gave a shared secret of {} bytes", secret.size())});
    }
    // RFC 7748, 6.1: the peer is of small order. Bits are gathered, so that time tells nothing.
    std::uint8_t bits = 0;
    for (const auto byte : secret) {
        bits |= byte;
    }
    return bits != 0 ? Result<base::ByteView>(secret) : std::unexpected(bad_peer(kind));
}

}  // namespace ecryptfs::pki
