// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/curve_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>

#include "lib/base/handle.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"

namespace ecryptfs::module {
namespace {

using base::Result;

using Bignum = base::Handle<BIGNUM, BN_free>;
using ParamBuilder = base::Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = base::Handle<OSSL_PARAM, OSSL_PARAM_free>;

constexpr std::uint8_t kUncompressed = 4;  // SEC 1, 2.3.3

struct CurveTraits {
    ecryptfs_pki_curve curve;
    std::string_view name;     // JOSE's
    const char* openssl_type;  // of the key
    const char* openssl_group;
    std::size_t coordinate_size;
};

constexpr auto kCurves = std::to_array<CurveTraits>({
    {ECRYPTFS_PKI_P256, "P-256", "EC", "prime256v1", 32},
    {ECRYPTFS_PKI_P384, "P-384", "EC", "secp384r1", 48},
    {ECRYPTFS_PKI_X25519, "X25519", "X25519", nullptr, 32},
});

const CurveTraits& curve_traits(ecryptfs_pki_curve curve) {
    const auto* const found = std::ranges::find(kCurves, curve, &CurveTraits::curve);
    if (found == kCurves.end()) {
        throw base::Failure({base::ErrorCode::kInternal, "no such elliptic curve"});
    }
    return *found;
}

ecryptfs_pki_curve find_curve(const evp_pkey_st& key) {
    if (::EVP_PKEY_is_a(&key, "X25519") == 1) {
        return ECRYPTFS_PKI_X25519;
    }
    std::array<char, 64> group{};
    std::size_t size = 0;
    if (::EVP_PKEY_is_a(&key, "EC") != 1 ||
        ::EVP_PKEY_get_group_name(&key, group.data(), group.size(), &size) != 1) {
        ::ERR_clear_error();
        return ECRYPTFS_PKI_NO_CURVE;
    }
    const auto* const found = std::ranges::find_if(kCurves, [&](const CurveTraits& one) {
        return one.openssl_group != nullptr &&
               std::string_view(one.openssl_group) == std::string_view(group.data(), size);
    });
    return found == kCurves.end() ? ECRYPTFS_PKI_NO_CURVE : found->curve;
}

std::vector<std::uint8_t> read_coordinate(const evp_pkey_st& key, const char* name) {
    BIGNUM* number = nullptr;
    check_openssl("EVP_PKEY_get_bn_param", ::EVP_PKEY_get_bn_param(&key, name, &number));
    const Bignum owner(number);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    ::BN_bn2bin(number, bytes.data());
    return bytes;
}

std::vector<std::uint8_t> read_raw_key(const evp_pkey_st& key, std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    check_openssl("EVP_PKEY_get_raw_public_key",
                  ::EVP_PKEY_get_raw_public_key(&key, bytes.data(), &size));
    bytes.resize(size);
    return bytes;
}

// Null for a point that is not on its curve.
EvpPkey make_public_key(const CurvePoint& from) {
    const auto& traits = curve_traits(from.curve);
    const ParamBuilder builder(check_openssl("OSSL_PARAM_BLD_new", ::OSSL_PARAM_BLD_new()));
    if (traits.openssl_group != nullptr) {
        check_openssl("OSSL_PARAM_BLD_push_utf8_string",
                      ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                                        traits.openssl_group, 0));
    }
    check_openssl("OSSL_PARAM_BLD_push_octet_string",
                  ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                                     from.point.data(), from.point.size()));
    const Params params(
        check_openssl("OSSL_PARAM_BLD_to_param", ::OSSL_PARAM_BLD_to_param(builder.get())));
    const EvpPkeyContext context(
        check_openssl("EVP_PKEY_CTX_new_from_name",
                      ::EVP_PKEY_CTX_new_from_name(nullptr, traits.openssl_type, nullptr)));
    check_openssl("EVP_PKEY_fromdata_init", ::EVP_PKEY_fromdata_init(context.get()));
    EVP_PKEY* key = nullptr;
    if (::EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        ::ERR_clear_error();
    }
    return EvpPkey(key);
}

}  // namespace

std::string_view curve_name(ecryptfs_pki_curve curve) {
    return curve_traits(curve).name;
}

std::size_t coordinate_size(ecryptfs_pki_curve curve) {
    return curve_traits(curve).coordinate_size;
}

std::optional<CurvePoint> curve_point(const evp_pkey_st& key) {
    const auto curve = find_curve(key);
    if (curve == ECRYPTFS_PKI_NO_CURVE) {
        return std::nullopt;
    }
    if (curve == ECRYPTFS_PKI_X25519) {
        return CurvePoint{curve, read_raw_key(key, coordinate_size(curve))};
    }
    return curve_point(curve, read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X),
                       read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y));
}

std::optional<CurvePoint> curve_point(ecryptfs_pki_curve curve, base::ByteView x,
                                      base::ByteView y) {
    const auto size = coordinate_size(curve);
    if (x.size() > size || y.size() > size) {
        return std::nullopt;
    }
    CurvePoint point{curve, std::vector<std::uint8_t>(1 + 2 * size)};
    point.point.front() = kUncompressed;
    const base::ByteSpan coordinates = base::ByteSpan(point.point).subspan(1);
    std::ranges::copy(x, coordinates.first(size).last(x.size()).begin());
    std::ranges::copy(y, coordinates.last(y.size()).begin());
    return point;
}

void describe_curve_key(ecryptfs_pki_description& to, const CurvePoint& key,
                        const std::string& warning) {
    to.curve = key.curve;
    std::ranges::copy(key.point, to.point);
    to.point_size = key.point.size();
    put_text(to.warning, warning);
}

EvpPkey make_curve_key(ecryptfs_pki_curve curve) {
    const auto& traits = curve_traits(curve);
    const EvpPkeyContext context(
        check_openssl("EVP_PKEY_CTX_new_from_name",
                      ::EVP_PKEY_CTX_new_from_name(nullptr, traits.openssl_type, nullptr)));
    check_openssl("EVP_PKEY_keygen_init", ::EVP_PKEY_keygen_init(context.get()));
    if (traits.openssl_group != nullptr) {
        check_openssl("EVP_PKEY_CTX_set_group_name",
                      ::EVP_PKEY_CTX_set_group_name(context.get(), traits.openssl_group));
    }
    EVP_PKEY* key = nullptr;
    check_openssl("EVP_PKEY_generate", ::EVP_PKEY_generate(context.get(), &key));
    return EvpPkey(key);
}

Result<std::size_t> derive_secret(evp_pkey_st& own, const CurvePoint& peer, base::ByteSpan room) {
    const auto other = make_public_key(peer);
    const EvpPkeyContext context(check_openssl(
        "EVP_PKEY_CTX_new_from_pkey", ::EVP_PKEY_CTX_new_from_pkey(nullptr, &own, nullptr)));
    check_openssl("EVP_PKEY_derive_init", ::EVP_PKEY_derive_init(context.get()));
    std::size_t size = room.size();
    if (!other || ::EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
        ::EVP_PKEY_derive(context.get(), room.data(), &size) != 1) {
        const bool out_of_memory = OpensslErrors::take().out_of_memory();
        return std::unexpected(out_of_memory ? out_of_locked_memory() : decrypt_failed());
    }
    return size;
}

}  // namespace ecryptfs::module
