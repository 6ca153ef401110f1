// SPDX-License-Identifier: Apache-2.0

#include "tests/contract/curve_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace ecryptfs::contract {
namespace {

using Context = base::Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Bytes = std::vector<std::uint8_t>;

void check(int result, const char* what) {
    if (result != 1) {
        throw std::runtime_error(what);
    }
}

}  // namespace

Bytes point_of(const evp_pkey_st& key) {
    std::array<unsigned char, 256> room{};
    std::size_t size = 0;
    check(::EVP_PKEY_get_octet_string_param(&key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, room.data(),
                                            room.size(), &size),
          "EVP_PKEY_get_octet_string_param");
    return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)};
}

Pkey read_point(const std::string& curve, const Bytes& point) {
    auto key = make_key(curve);
    check(::EVP_PKEY_set1_encoded_public_key(key.get(), point.data(), point.size()),
          "EVP_PKEY_set1_encoded_public_key");
    return read_public_key(to_public_pem(*key));
}

Bytes derive_by_openssl(evp_pkey_st& own, evp_pkey_st& peer) {
    const Context context(::EVP_PKEY_CTX_new_from_pkey(nullptr, &own, nullptr));
    check(::EVP_PKEY_derive_init(context.get()), "EVP_PKEY_derive_init");
    check(::EVP_PKEY_derive_set_peer(context.get(), &peer), "EVP_PKEY_derive_set_peer");
    Bytes secret(64);
    std::size_t size = secret.size();
    check(::EVP_PKEY_derive(context.get(), secret.data(), &size), "EVP_PKEY_derive");
    secret.resize(size);
    return secret;
}

Pkey make_peer_of_leading_zero(const std::string& curve, evp_pkey_st& own) {
    for (;;) {
        auto peer = make_key(curve);
        if (derive_by_openssl(*peer, own).front() == 0) {
            return peer;
        }
    }
}

std::vector<Bytes> bad_points(const Bytes& point) {
    std::vector<Bytes> bad{{}, {0}, {point.begin(), point.end() - 1}, point, Bytes(point.size())};
    bad[3].push_back(0);
    if (point.size() % 2 == 0) {
        bad.pop_back();  // zeros are a public key of X25519
        return bad;
    }
    const auto half = static_cast<std::ptrdiff_t>(point.size() / 2);
    Bytes compressed(point.begin(), point.begin() + 1 + half);
    compressed.front() = 2;
    bad.push_back(compressed);
    compressed.resize(point.size());
    bad.push_back(compressed);
    const auto with_changed_byte = [&](std::size_t at, std::uint8_t value) {
        bad.push_back(point);
        bad.back()[at] = value;
    };
    with_changed_byte(0, 0);
    with_changed_byte(0, 3);
    with_changed_byte(0, 6);
    with_changed_byte(point.size() - 1, static_cast<std::uint8_t>(point.back() ^ 1));
    with_changed_byte(1, static_cast<std::uint8_t>(point[1] ^ 0x80));
    bad.push_back(point);
    std::fill(bad.back().begin() + 1, bad.back().begin() + 1 + half, std::uint8_t{0xff});
    bad.push_back(Bytes(point.size()));
    bad.back().front() = 4;  // the coordinates 0, 0
    return bad;
}

}  // namespace ecryptfs::contract
