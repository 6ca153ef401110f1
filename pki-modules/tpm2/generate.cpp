// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/generate.h"

#include <fmt/format.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <span>

#include "lib/base/try.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/new_key_curve.h"
#include "pki-modules/common/new_key_file.h"
#include "pki-modules/tpm2/key_file.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/pcr_policy.h"
#include "pki-modules/tpm2/public_area.h"
#include "pki-modules/tpm2/tpm.h"
#include "pki-modules/tpm2/tpm_error.h"
#include "pki-modules/tpm2/tpm_state.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::uint16_t kNameHash = TPM2_ALG_SHA256;

// The request for a new key, as far as it is known without the TPM.
struct Wanted {
    Locator place;
    std::uint32_t bits = 0;
    ecryptfs_pki_curve curve = ECRYPTFS_PKI_NO_CURVE;
    PcrSelection pcrs;
    base::ByteView pin;
};

// The new key's PIN. Wiped in the end.
struct Sensitive {
    TPM2B_SENSITIVE_CREATE value = {};

    explicit Sensitive(base::ByteView pin) {
        auto& auth = value.sensitive.userAuth;
        auth.size = static_cast<UINT16>(std::min(pin.size(), sizeof auth.buffer));
        std::copy_n(pin.begin(), auth.size, auth.buffer);
    }
    ~Sensitive() { ::explicit_bzero(&value, sizeof value); }
    Sensitive(const Sensitive&) = delete;
    Sensitive& operator=(const Sensitive&) = delete;
    Sensitive(Sensitive&&) = delete;
    Sensitive& operator=(Sensitive&&) = delete;
};

Result<void> read_options(const ecryptfs_pki_new_key& from, Wanted& to) {
    for (const auto& option : std::span(from.options, from.option_count)) {
        if (std::string_view(option.name) == module::kCurveOption) {
            continue;  // read with the bits
        }
        if (std::string_view(option.name) != "pcrs") {
            return std::unexpected(
                Error{ErrorCode::kNotSupported,
                      fmt::format("there is no option \"{}\" in the module tpm2", option.name),
                      "the options are curve and pcrs, as in pcrs=sha256:7+11"});
        }
        auto selection = TRY(parse_pcr_selection(option.value));
        to.pcrs = std::move(selection);
    }
    return {};
}

Result<void> read_pin(const ecryptfs_pki_new_key& from, Wanted& to) {
    if (from.secret == nullptr || from.secret->size == 0) {
        return {};
    }
    to.pin = without_trailing_zeros({from.secret->data, from.secret->size});
    if (to.pin.empty() || to.pin.size() > hash_size(kNameHash)) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported, "the TPM cannot take this PIN",
                  fmt::format("choose one of 1 to {} bytes that are not all zero",
                              hash_size(kNameHash))});
    }
    return {};
}

Result<Wanted> parse_request(const ecryptfs_pki_new_key& from) {
    auto place = TRY(parse_locator(from.where));
    if (!place.is_file() || !place.pcrs.empty() || place.without_pin) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("a new key goes into a file, and \"{}\" names none",
                              module::shown(from.where)),
                  "name the file to write, as file:///absolute/path, with ?tcti= at most"});
    }
    const auto curve = TRY(module::wanted_curve(from));
    if (curve == ECRYPTFS_PKI_X25519) {
        return std::unexpected(module::cannot_make_curve("the TPM", curve));
    }
    Wanted wanted{std::move(place), from.bits, curve, {}, {}};
    TRY(read_options(from, wanted));
    TRY(read_pin(from, wanted));
    return wanted;
}

// 3,072 bits by default, or 2,048 if the TPM cannot do that.
std::uint16_t choose_bits(const Esys& esys, std::uint32_t wanted) {
    constexpr std::uint16_t kBest = 3072;
    constexpr std::uint16_t kUsual = 2048;
    if (wanted == 0) {
        return supports_rsa_bits(esys, kBest) ? kBest : kUsual;
    }
    const bool known = wanted == kUsual || wanted == kBest || wanted == 4096;
    const auto bits = static_cast<std::uint16_t>(known ? wanted : 0);
    if (!known || !supports_rsa_bits(esys, bits)) {
        throw base::Failure({ErrorCode::kNotSupported,
                             fmt::format("the TPM makes no RSA keys of {} bits", wanted),
                             "choose 2048 or 3072 bits, or leave the choice to the module"});
    }
    return bits;
}

Policy make_policy(const Wanted& wanted, const std::vector<PcrValue>& values) {
    Policy policy;
    if (!wanted.pcrs.empty()) {
        policy.push_back(
            {PolicyStep::Kind::kPcrs, marshal(wanted.pcrs), values_digest(values, kNameHash)});
        if (!wanted.pin.empty()) {
            policy.push_back({PolicyStep::Kind::kAuthValue});
        }
    }
    return policy;
}

TPM2B_PUBLIC key_template(const Policy& policy, bool has_pin) {
    TPM2B_PUBLIC area = {};
    TPMT_PUBLIC& key = area.publicArea;
    key.nameAlg = kNameHash;
    key.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                           TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_DECRYPT;
    if (policy.empty()) {
        key.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
    } else {
        const Bytes digest = policy_digest(policy, kNameHash);
        key.authPolicy.size = static_cast<UINT16>(digest.size());
        std::ranges::copy(digest, key.authPolicy.buffer);
    }
    if (!has_pin) {
        key.objectAttributes |= TPMA_OBJECT_NODA;  // nothing to guess
    }
    return area;
}

void set_rsa(TPMT_PUBLIC& key, std::uint16_t bits) {
    key.type = TPM2_ALG_RSA;
    key.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
    key.parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
    key.parameters.rsaDetail.keyBits = bits;
}

void set_curve(TPMT_PUBLIC& key, ecryptfs_pki_curve curve) {
    key.type = TPM2_ALG_ECC;
    key.parameters.eccDetail.symmetric.algorithm = TPM2_ALG_NULL;
    key.parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
    key.parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
    key.parameters.eccDetail.curveID =
        curve == ECRYPTFS_PKI_P256 ? TPM2_ECC_NIST_P256 : TPM2_ECC_NIST_P384;
}

// Part 2 of the TPM 2.0 library specification, 6.6.3: the number without what it is about.
bool lacks_curve(TSS2_RC code) {
    constexpr TSS2_RC kNumber = 0xbf;
    return (code & TSS2_RC_LAYER_MASK) == 0 && (code & kNumber) == TPM2_RC_CURVE;
}

Bytes marshal_private(const TPM2B_PRIVATE& area) {
    Bytes bytes(sizeof area);
    std::size_t size = 0;
    check_tss("Tss2_MU_TPM2B_PRIVATE_Marshal",
              ::Tss2_MU_TPM2B_PRIVATE_Marshal(&area, bytes.data(), bytes.size(), &size));
    bytes.resize(size);
    return bytes;
}

// Readers of the file expect P-256, or RSA where a TPM lacks that curve.
TpmObject create_usual_parent(const Esys& esys, bool& is_rsa) {
    try {
        is_rsa = false;
        return create_primary(esys, kOwnerHierarchy, PrimaryType::kEcc);
    } catch (const TpmFailure& failure) {
        if (failure.kind() != TpmError::kOther && failure.kind() != TpmError::kBadInput) {
            throw;
        }
        is_rsa = true;
        return create_primary(esys, kOwnerHierarchy, PrimaryType::kRsa);
    }
}

KeyFile make_key(Esys& esys, const Wanted& wanted) {
    const auto values = read_pcrs(esys, wanted.pcrs);
    const Policy policy = make_policy(wanted, values);
    KeyFile file;
    file.empty_auth = wanted.pin.empty();
    file.policy = policy_commands(policy);
    file.pcr_lines = pcr_note_lines(values);
    file.parent = kOwnerHierarchy;
    const TpmObject parent = create_usual_parent(esys, file.rsa_parent);
    const TpmObject session =
        start_session(esys, parent, SessionType::kHmac, TPM2_ALG_SHA256, Encrypted::kBothWays);
    const Sensitive sensitive(wanted.pin);
    const bool is_rsa = wanted.curve == ECRYPTFS_PKI_NO_CURVE;
    TPM2B_PUBLIC area = key_template(policy, !wanted.pin.empty());
    if (is_rsa) {
        set_rsa(area.publicArea, choose_bits(esys, wanted.bits));
    } else {
        set_curve(area.publicArea, wanted.curve);
    }
    const TPM2B_DATA outside = {};
    const TPML_PCR_SELECTION creation_pcrs = {};
    TPM2B_PRIVATE* private_area = nullptr;
    TPM2B_PUBLIC* public_area = nullptr;
    const auto code = ::Esys_Create(esys.get(), parent.get(), session.get(), ESYS_TR_NONE,
                                    ESYS_TR_NONE, &sensitive.value, &area, &outside, &creation_pcrs,
                                    &private_area, &public_area, nullptr, nullptr, nullptr);
    esys.wipe_sensitive();
    if (!is_rsa && lacks_curve(code)) {
        throw base::Failure(module::cannot_make_curve("the TPM", wanted.curve));
    }
    check_tss("Esys_Create", code);
    const EsysPtr<TPM2B_PRIVATE> private_owner(private_area);
    const EsysPtr<TPM2B_PUBLIC> public_owner(public_area);
    file.public_area = marshal(*public_area);
    file.private_area = marshal_private(*private_area);
    return file;
}

}  // namespace

Result<std::string> generate_key(const ecryptfs_pki_new_key& new_key) {
    const auto wanted = TRY(parse_request(new_key));
    TRY(module::check_no_file(wanted.place.path));
    std::string pem;
    Tpm::find_or_create(wanted.place.tcti)->with_connection([&](TpmConnection& connection) {
        connection.keep_at_most(1);  // beside the parent and the new one
        pem = to_pem(make_key(connection.esys(), wanted));
    });
    TRY(module::write_new_key_file(wanted.place.path, base::as_bytes(pem)));
    return std::string(new_key.where);
}

}  // namespace ecryptfs::tpm2_module
