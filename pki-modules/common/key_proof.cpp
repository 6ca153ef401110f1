// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/key_proof.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/base/try.h"
#include "pki-modules/common/openssl_error.h"

namespace ecryptfs::module {

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

base::Error damaged_halves(std::string_view what) {
    return {base::ErrorCode::kInvalidKey,
            fmt::format("{} is damaged: its halves do not match", what),
            "restore the file from a backup"};
}

}  // namespace ecryptfs::module
