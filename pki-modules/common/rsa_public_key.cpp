// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/rsa_public_key.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <bit>

#include "lib/base/try.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"

namespace ecryptfs::module {
namespace {

using Bignum = base::Handle<BIGNUM, BN_free>;
using ParamBuilder = base::Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Params = base::Handle<OSSL_PARAM, OSSL_PARAM_free>;

constexpr std::size_t kMinBits = 1024;
constexpr std::size_t kSafeBits = 2048;
constexpr std::size_t kMaxBits = 8UL * ECRYPTFS_PKI_MAX_WRAPPED_KEY;

std::vector<std::uint8_t> read_number(const evp_pkey_st& key, const char* name) {
    BIGNUM* number = nullptr;
    check_openssl("EVP_PKEY_get_bn_param", ::EVP_PKEY_get_bn_param(&key, name, &number));
    const Bignum owner(number);
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    ::BN_bn2bin(number, bytes.data());
    return bytes;
}

Bignum to_bignum(base::ByteView bytes) {
    return Bignum(check_openssl(
        "BN_bin2bn", ::BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr)));
}

EvpPkey make_public_key(const RsaNumbers& numbers) {
    const Bignum modulus = to_bignum(numbers.modulus);
    const Bignum exponent = to_bignum(numbers.exponent);
    const ParamBuilder builder(check_openssl("OSSL_PARAM_BLD_new", ::OSSL_PARAM_BLD_new()));
    check_openssl("OSSL_PARAM_BLD_push_BN",
                  ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()));
    check_openssl("OSSL_PARAM_BLD_push_BN",
                  ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()));
    const Params params(
        check_openssl("OSSL_PARAM_BLD_to_param", ::OSSL_PARAM_BLD_to_param(builder.get())));
    const EvpPkeyContext context(check_openssl(
        "EVP_PKEY_CTX_new_from_name", ::EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)));
    check_openssl("EVP_PKEY_fromdata_init", ::EVP_PKEY_fromdata_init(context.get()));
    EVP_PKEY* key = nullptr;
    check_openssl("EVP_PKEY_fromdata",
                  ::EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()));
    return EvpPkey(key);
}

std::size_t bit_count(base::ByteView number) {
    return number.empty() ? 0 : 8 * (number.size() - 1) + std::bit_width(number.front());
}

[[noreturn]] void refuse(std::string message) {
    throw base::Failure(
        {base::ErrorCode::kInvalidKey, std::move(message), "use an RSA key of 2048 to 4096 bits"});
}

// How many of the modulus's bytes the padding takes. RFC 8017, 7.1.1: 2 hLen + 2; 7.2.1: 11.
std::size_t padding_overhead(RsaPadding padding) {
    switch (padding) {
        case RsaPadding::kOaepSha1:
            return 2 + 2 * 20;
        case RsaPadding::kOaepSha256:
            return 2 + 2 * 32;
        case RsaPadding::kOaepSha384:
            return 2 + 2 * 48;
        case RsaPadding::kOaepSha512:
            return 2 + 2 * 64;
        case RsaPadding::kPkcs1:
            break;
    }
    return 11;
}

RsaNumbers checked(RsaNumbers numbers, RsaPadding padding, std::string_view what) {
    const std::size_t bits = bit_count(numbers.modulus);
    if (bits < kMinBits) {
        refuse(fmt::format("{} has {} bits, too few to wrap a file key", what, bits));
    }
    if (bits > kMaxBits) {
        refuse(fmt::format("{} has {} bits; the kernel takes at most {} bytes ({} bits)", what,
                           bits, ECRYPTFS_PKI_MAX_WRAPPED_KEY, kMaxBits));
    }
    if (numbers.exponent.empty() || numbers.exponent.size() > ECRYPTFS_PKI_MAX_EXPONENT) {
        refuse(fmt::format("{} has a public exponent of {} bits, at most {} can be used", what,
                           bit_count(numbers.exponent), 8 * ECRYPTFS_PKI_MAX_EXPONENT));
    }
    const bool modulus_is_odd = (numbers.modulus.back() & 1) != 0;
    const bool exponent_is_odd = (numbers.exponent.back() & 1) != 0;
    if (!modulus_is_odd || !exponent_is_odd || numbers.exponent == std::vector<std::uint8_t>{1}) {
        refuse(fmt::format("{} is damaged: these are not the numbers of an RSA key", what));
    }
    if (numbers.modulus.size() < padding_overhead(padding) + ECRYPTFS_PKI_MAX_FILE_KEY) {
        refuse(fmt::format("{} has {} bits, too few for OAEP with {}", what, bits,
                           hash_name(padding)));
    }
    return numbers;
}

}  // namespace

RsaNumbers rsa_numbers(const evp_pkey_st& rsa_key) {
    return {read_number(rsa_key, OSSL_PKEY_PARAM_RSA_N),
            read_number(rsa_key, OSSL_PKEY_PARAM_RSA_E)};
}

RsaPublicKey::RsaPublicKey(RsaNumbers numbers, RsaPadding padding, std::string_view what)
    : numbers_(checked(std::move(numbers), padding, what)),
      contexts_(make_public_key(numbers_), padding, RsaContexts::Operation::kEncrypt) {}

void RsaPublicKey::describe(ecryptfs_pki_description& to, const std::string& warning) const {
    std::ranges::copy(numbers_.modulus, to.modulus);
    to.modulus_size = numbers_.modulus.size();
    std::ranges::copy(numbers_.exponent, to.exponent);
    to.exponent_size = numbers_.exponent.size();
    const std::size_t bits = bit_count(numbers_.modulus);
    const std::string short_key =
        bits >= kSafeBits
            ? ""
            : fmt::format(
                  "an RSA key of {} bits is too short to be safe: move to one of {} bits or more",
                  bits, kSafeBits);
    const bool both = !short_key.empty() && !warning.empty();
    put_text(to.warning, short_key + (both ? "; " : "") + warning);
}

base::Result<std::size_t> RsaPublicKey::encrypt(base::ByteView file_key, base::ByteSpan room) {
    TRY(check_encrypt_sizes(file_key.size(), room.size(), modulus_size()));
    const auto context = contexts_.take();
    std::size_t size = room.size();
    check_openssl("EVP_PKEY_encrypt", ::EVP_PKEY_encrypt(context.get(), room.data(), &size,
                                                         file_key.data(), file_key.size()));
    return size;
}

}  // namespace ecryptfs::module
