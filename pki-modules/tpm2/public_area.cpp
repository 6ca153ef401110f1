// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/public_area.h"

#include <fmt/format.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/try.h"
#include "pki-modules/tpm2/tpm_error.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::Error;
using base::ErrorCode;
using module::RsaPadding;

constexpr const char* kAdvice = "use a key made for decrypting";

std::unexpected<Error> refused(const std::string& what, std::string_view why) {
    return std::unexpected(Error{ErrorCode::kInvalidKey, fmt::format("{} {}", what, why), kAdvice});
}

std::optional<RsaPadding> oaep_padding(TPMI_ALG_HASH hash) {
    switch (hash) {
        case TPM2_ALG_SHA1:
            return RsaPadding::kOaepSha1;
        case TPM2_ALG_SHA256:
            return RsaPadding::kOaepSha256;
        case TPM2_ALG_SHA384:
            return RsaPadding::kOaepSha384;
        case TPM2_ALG_SHA512:
            return RsaPadding::kOaepSha512;
        default:
            return std::nullopt;
    }
}

// A key that is fixed to a scheme can use no other. All others use OAEP with SHA-256.
std::optional<RsaPadding> scheme_padding(const TPMT_RSA_SCHEME& scheme) {
    switch (scheme.scheme) {
        case TPM2_ALG_NULL:
            return RsaPadding::kOaepSha256;
        case TPM2_ALG_OAEP:
            return oaep_padding(scheme.details.oaep.hashAlg);
        case TPM2_ALG_RSAES:
            return RsaPadding::kPkcs1;
        default:
            return std::nullopt;
    }
}

// Part 2 of the TPM 2.0 library specification, 12.2.3.5: an exponent of 0 stands for 65,537.
std::vector<std::uint8_t> exponent_bytes(const TPMS_RSA_PARMS& parameters) {
    constexpr std::uint32_t kUsual = 65537;
    const std::uint32_t exponent = parameters.exponent == 0 ? kUsual : parameters.exponent;
    std::vector<std::uint8_t> bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
        const auto byte = static_cast<std::uint8_t>(exponent >> shift);
        if (byte != 0 || !bytes.empty()) {
            bytes.push_back(byte);
        }
    }
    return bytes;
}

std::vector<std::uint8_t> modulus_bytes(const TPM2B_PUBLIC_KEY_RSA& number) {
    const auto* end = number.buffer + number.size;
    const auto* first = std::find_if(number.buffer, end, [](BYTE byte) { return byte != 0; });
    return {first, end};
}

bool may_decrypt(const TPMT_PUBLIC& key) {
    return (key.objectAttributes & TPMA_OBJECT_DECRYPT) != 0 &&
           (key.objectAttributes & TPMA_OBJECT_RESTRICTED) == 0;
}

base::Result<void> read_rsa_parts(const TPMT_PUBLIC& key, const std::string& what, PublicArea& to) {
    if (key.type != TPM2_ALG_RSA) {
        return refused(what, "is not a key of RSA, P-256 or P-384");
    }
    if (!may_decrypt(key)) {
        return refused(what, "may not decrypt what the TPM did not make itself");
    }
    const auto padding = scheme_padding(key.parameters.rsaDetail.scheme);
    if (!padding) {
        return refused(what, "is fixed to a scheme that cannot decrypt");
    }
    to.numbers = {modulus_bytes(key.unique.rsa), exponent_bytes(key.parameters.rsaDetail)};
    to.padding = *padding;
    to.fixed_scheme = key.parameters.rsaDetail.scheme.scheme != TPM2_ALG_NULL;
    return {};
}

ecryptfs_pki_curve find_curve(TPMI_ECC_CURVE curve) {
    switch (curve) {
        case TPM2_ECC_NIST_P256:
            return ECRYPTFS_PKI_P256;
        case TPM2_ECC_NIST_P384:
            return ECRYPTFS_PKI_P384;
        default:
            return ECRYPTFS_PKI_NO_CURVE;
    }
}

base::Result<void> read_curve_parts(const TPMT_PUBLIC& key, const std::string& what,
                                    PublicArea& to) {
    const auto curve = find_curve(key.parameters.eccDetail.curveID);
    if (curve == ECRYPTFS_PKI_NO_CURVE) {
        return refused(what, "is not a key of RSA, P-256 or P-384");
    }
    if (!may_decrypt(key)) {
        return refused(what, "may not do ECDH with keys that the TPM did not make itself");
    }
    const auto scheme = key.parameters.eccDetail.scheme.scheme;
    if (scheme != TPM2_ALG_NULL && scheme != TPM2_ALG_ECDH) {
        return refused(what, "is fixed to a scheme that cannot do ECDH");
    }
    const auto& [x, y] = key.unique.ecc;
    auto point = module::curve_point(curve, {x.buffer, x.size}, {y.buffer, y.size});
    if (!point) {
        return refused(what, "has a point that is too large for its curve");
    }
    to.point = std::move(*point);
    return {};
}

}  // namespace

base::Result<PublicArea> read_public_area(base::ByteView bytes, const std::string& what) {
    TPM2B_PUBLIC area = {};
    std::size_t used = 0;
    const auto code = ::Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes.data(), bytes.size(), &used, &area);
    if (code != TSS2_RC_SUCCESS || used != bytes.size()) {
        return std::unexpected(Error{ErrorCode::kInvalidKey, fmt::format("{} is damaged", what),
                                     "restore the file from a backup"});
    }
    const TPMT_PUBLIC& key = area.publicArea;
    PublicArea read;
    TRY(key.type == TPM2_ALG_ECC ? read_curve_parts(key, what, read)
                                 : read_rsa_parts(key, what, read));
    read.name_hash = key.nameAlg;
    read.user_with_auth = (key.objectAttributes & TPMA_OBJECT_USERWITHAUTH) != 0;
    read.no_lockout = (key.objectAttributes & TPMA_OBJECT_NODA) != 0;
    read.policy = Bytes(key.authPolicy.buffer, key.authPolicy.buffer + key.authPolicy.size);
    return read;
}

Bytes marshal(const TPM2B_PUBLIC& area) {
    Bytes bytes(sizeof area);
    std::size_t size = 0;
    check_tss("Tss2_MU_TPM2B_PUBLIC_Marshal",
              ::Tss2_MU_TPM2B_PUBLIC_Marshal(&area, bytes.data(), bytes.size(), &size));
    bytes.resize(size);
    return bytes;
}

}  // namespace ecryptfs::tpm2_module
