// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/key_proof.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/base/try.h"
#include "pki-modules/common/openssl_error.h"

namespace ecryptfs::module {
namespace {

// A secret of ECDH on the stack. Wiped in the end.
struct SharedSecret {
    SharedSecret() = default;
    ~SharedSecret() { ::OPENSSL_cleanse(bytes.data(), bytes.size()); }
    SharedSecret(const SharedSecret&) = delete;
    SharedSecret& operator=(const SharedSecret&) = delete;
    SharedSecret(SharedSecret&&) = delete;
    SharedSecret& operator=(SharedSecret&&) = delete;

    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_SHARED> bytes{};
};

}  // namespace

base::Result<void> prove_halves_match(RsaPublicKey& public_half, const Unwrap& unwrap,
                                      const base::Error& mismatch) {
    std::array<std::uint8_t, 32> probe{};
    check_openssl("RAND_bytes", ::RAND_bytes(probe.data(), probe.size()));
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_WRAPPED_KEY> wrapped{};
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_FILE_KEY> unwrapped{};
    const auto wrapped_size = TRY(public_half.encrypt(probe, wrapped));
    const auto size = unwrap(base::ByteView{wrapped}.first(wrapped_size), unwrapped);
    if (!size && size.error().code != base::ErrorCode::kDecryptFailed) {
        return std::unexpected(size.error());
    }
    const bool came_back =
        size && std::ranges::equal(base::ByteView{unwrapped}.first(*size), probe);
    return came_back ? base::Result<void>() : std::unexpected(mismatch);
}

base::Result<void> prove_curve_halves_match(const CurvePoint& public_half, const Derive& derive,
                                            const base::Error& mismatch) {
    const auto other = make_curve_key(public_half.curve);
    SharedSecret ours;
    SharedSecret theirs;
    const auto size = derive(curve_point(*other).value_or(CurvePoint{}).point, theirs.bytes);
    if (!size && size.error().code != base::ErrorCode::kDecryptFailed) {
        return std::unexpected(size.error());
    }
    const auto expected = derive_secret(*other, public_half, ours.bytes);
    const bool is_same = size && expected && *size == *expected && ours.bytes == theirs.bytes;
    return is_same ? base::Result<void>() : std::unexpected(mismatch);
}

base::Error damaged_halves(std::string_view what) {
    return {base::ErrorCode::kInvalidKey,
            fmt::format("{} is damaged: its halves do not match", what),
            "restore the file from a backup"};
}

}  // namespace ecryptfs::module
