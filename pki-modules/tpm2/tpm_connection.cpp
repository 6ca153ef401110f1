// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <string.h>
#include <tss2/tss2_esys.h>

#include <algorithm>
#include <optional>

#include "pki-modules/tpm2/tpm.h"
#include "pki-modules/tpm2/tpm_error.h"
#include "pki-modules/tpm2/tpm_state.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::ErrorCode;

// Every TPM, and every connection to the kernel's resource manager, holds at least three keys: one
// from before, the one being loaded, and its parent.
constexpr std::size_t kMostBeforeLoading = 1;

// Wipes what came out of the TPM before it is freed.
struct FreePlaintext {
    template <typename Plaintext>
    void operator()(Plaintext* bytes) const noexcept {
        ::explicit_bzero(bytes, sizeof *bytes);
        ::Esys_Free(bytes);
    }
};

// Only OAEP with SHA-1 and SHA-256 is asked for.
TPMT_RSA_DECRYPT decryption_scheme(const KeyInTpm& key, module::RsaPadding padding) {
    TPMT_RSA_DECRYPT scheme = {};
    scheme.scheme = key.fixed_scheme ? TPM2_ALG_NULL : TPM2_ALG_OAEP;
    scheme.details.oaep.hashAlg =
        padding == module::RsaPadding::kOaepSha1 ? TPM2_ALG_SHA1 : TPM2_ALG_SHA256;
    return scheme;
}

// Part 2 of the TPM 2.0 library specification, 6.6.3: the number without what it is about.
bool lacks_hash(TSS2_RC code) {
    constexpr TSS2_RC kNumber = 0xbf;
    return (code & TSS2_RC_LAYER_MASK) == 0 && (code & kNumber) == TPM2_RC_HASH;
}

}  // namespace

std::size_t TpmConnection::decrypt(KeyInTpm& key, module::RsaPadding padding,
                                   base::ByteView wrapped, base::ByteSpan room) {
    const TpmObject& object = ensure_loaded(key);
    const TpmObject& session = authorize(key);
    const AuthScope pin(esys_, object, session, key.pin.view());
    TPM2B_PUBLIC_KEY_RSA in = {};
    in.size = static_cast<UINT16>(std::min(wrapped.size(), sizeof in.buffer));
    std::copy_n(wrapped.begin(), in.size, in.buffer);
    const TPMT_RSA_DECRYPT scheme = decryption_scheme(key, padding);
    const TPM2B_DATA no_label = {};
    TPM2B_PUBLIC_KEY_RSA* out = nullptr;
    const auto code = ::Esys_RSA_Decrypt(esys_.get(), object.get(), session.get(), ESYS_TR_NONE,
                                         ESYS_TR_NONE, &in, &scheme, &no_label, &out);
    const std::unique_ptr<TPM2B_PUBLIC_KEY_RSA, FreePlaintext> plain(out);
    esys_.wipe_answer();
    if (code == TPM2_RC_FAILURE && still_answers()) {
        throw TpmFailure({ErrorCode::kDecryptFailed, "bad padding"}, TpmError::kBadInput);
    }
    if (lacks_hash(code)) {
        throw base::Failure(
            {ErrorCode::kNotSupported,
             fmt::format("the TPM cannot unwrap by OAEP with {}", module::hash_name(padding)),
             "use another key or token"});
    }
    check_tss("Esys_RSA_Decrypt", code);
    policy_begun_ = false;
    if (plain->size == 0 || plain->size > room.size()) {
        throw TpmFailure({ErrorCode::kDecryptFailed, "no file key"}, TpmError::kBadInput);
    }
    std::copy_n(plain->buffer, plain->size, room.begin());
    return plain->size;
}

std::size_t TpmConnection::derive(KeyInTpm& key, base::ByteView peer, base::ByteSpan room) {
    const std::size_t coordinate = peer.size() / 2;
    TPM2B_ECC_POINT in = {};
    for (auto [part, at] :
         {std::pair{&in.point.x, std::size_t{1}}, std::pair{&in.point.y, 1 + coordinate}}) {
        part->size = static_cast<UINT16>(std::min(coordinate, sizeof part->buffer));
        std::ranges::copy(peer.subspan(at, part->size), part->buffer);
    }
    const TpmObject& object = ensure_loaded(key);
    const TpmObject& session = authorize(key);
    const AuthScope pin(esys_, object, session, key.pin.view());
    TPM2B_ECC_POINT* out = nullptr;
    const auto code = ::Esys_ECDH_ZGen(esys_.get(), object.get(), session.get(), ESYS_TR_NONE,
                                       ESYS_TR_NONE, &in, &out);
    const std::unique_ptr<TPM2B_ECC_POINT, FreePlaintext> shared(out);
    esys_.wipe_answer();
    check_tss("Esys_ECDH_ZGen", code);
    policy_begun_ = false;
    const auto& x = shared->point.x;
    if (x.size > coordinate || coordinate > room.size()) {
        throw TpmFailure({ErrorCode::kDecryptFailed, "no coordinate"}, TpmError::kBadInput);
    }
    const auto to = room.first(coordinate);
    std::ranges::fill(to, std::uint8_t{0});  // the TPM may leave out leading zeros
    std::copy_n(x.buffer, x.size, to.last(x.size).begin());
    return coordinate;
}

// Tells a bad padding from a broken TPM: some TPMs (libtpms) answer TPM_RC_FAILURE to both.
bool TpmConnection::still_answers() {
    TPM2B_DIGEST* random = nullptr;
    const auto code =
        ::Esys_GetRandom(esys_.get(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, 1, &random);
    const EsysPtr<TPM2B_DIGEST> owner(random);
    return code == TSS2_RC_SUCCESS;
}

void TpmConnection::unload(const KeyInTpm& key) {
    loaded_.remove_if([&](const LoadedKey& entry) { return entry.key == &key; });
}

const TpmObject& TpmConnection::ensure_loaded(KeyInTpm& key) {
    const auto found = std::ranges::find(loaded_, &key, &LoadedKey::key);
    if (found != loaded_.end()) {
        loaded_.splice(loaded_.begin(), loaded_, found);
    } else {
        loaded_.push_front({&key, load(key)});
    }
    return loaded_.front().object;
}

TpmObject TpmConnection::load(KeyInTpm& key) {
    if (key.handle != 0) {
        if (!hmac_session_) {
            ensure_hmac_session(create_primary(esys_, kNullHierarchy, PrimaryType::kEcc));
        }
        return persistent_object(esys_, key.handle);
    }
    keep_at_most(kMostBeforeLoading);
    if (key.saved && hmac_session_) {
        try {
            return load_context(esys_, *key.saved);
        } catch (const TpmFailure&) {
            key.saved.reset();  // saved before a reset of the TPM
        }
    }
    TpmObject object = load_below_parent(key);
    key.saved = save_context(esys_, object);
    return object;
}

TpmObject TpmConnection::load_below_parent(KeyInTpm& key) {
    const TpmObject parent = is_persistent(key.parent)
                                 ? persistent_object(esys_, key.parent)
                                 : create_primary(esys_, key.parent, key.parent_type);
    ensure_hmac_session(parent);
    if (!key.policy.empty()) {
        ensure_policy_session(key.name_hash, &parent);
    }
    return load_key(esys_, parent, hmac_session_, key.public_area, key.private_area);
}

void TpmConnection::keep_at_most(std::size_t count) {
    const auto is_transient = [](const LoadedKey& entry) {
        return entry.object.kind() == TpmObject::Kind::kTransient;
    };
    while (std::ranges::count_if(loaded_, is_transient) > static_cast<std::ptrdiff_t>(count)) {
        const auto last = std::find_if(loaded_.rbegin(), loaded_.rend(), is_transient);
        loaded_.erase(std::next(last).base());
    }
}

void TpmConnection::ensure_hmac_session(const TpmObject& salt_key) {
    if (!hmac_session_) {
        hmac_session_ = start_session(esys_, salt_key, SessionType::kHmac, TPM2_ALG_SHA256,
                                      Encrypted::kAnswers);
    }
}

const TpmObject& TpmConnection::authorize(const KeyInTpm& key) {
    if (key.policy.empty()) {
        return hmac_session_;
    }
    ensure_policy_session(key.name_hash, nullptr);
    if (policy_begun_) {
        check_tss("Esys_PolicyRestart",
                  ::Esys_PolicyRestart(esys_.get(), policy_session_.get(), ESYS_TR_NONE,
                                       ESYS_TR_NONE, ESYS_TR_NONE));
    }
    policy_begun_ = true;  // a command that succeeds resets the policy by itself
    for (const PolicyStep& step : key.policy) {
        execute(step, key);
    }
    return policy_session_;
}

void TpmConnection::ensure_policy_session(std::uint16_t hash, const TpmObject* salt_key) {
    if (policy_session_ && policy_hash_ == hash) {
        return;
    }
    policy_session_ = {};
    TpmObject primary;
    if (salt_key == nullptr) {
        keep_at_most(kMostBeforeLoading + 1);
        primary = create_primary(esys_, kNullHierarchy, PrimaryType::kEcc);
        salt_key = &primary;
    }
    policy_session_ =
        start_session(esys_, *salt_key, SessionType::kPolicy, hash, Encrypted::kAnswers);
    policy_hash_ = hash;
    policy_begun_ = false;
}

void TpmConnection::execute(const PolicyStep& step, const KeyInTpm& key) {
    if (step.kind == PolicyStep::Kind::kAuthValue) {
        check_tss("Esys_PolicyAuthValue",
                  ::Esys_PolicyAuthValue(esys_.get(), policy_session_.get(), ESYS_TR_NONE,
                                         ESYS_TR_NONE, ESYS_TR_NONE));
        return;
    }
    TPML_PCR_SELECTION selection = {};
    unmarshal(step.selection, selection);
    TPM2B_DIGEST digest = {};
    digest.size = static_cast<UINT16>(std::min(step.digest.size(), sizeof digest.buffer));
    std::copy_n(step.digest.begin(), digest.size, digest.buffer);
    const auto code = ::Esys_PolicyPCR(esys_.get(), policy_session_.get(), ESYS_TR_NONE,
                                       ESYS_TR_NONE, ESYS_TR_NONE, &digest, &selection);
    if (code != TSS2_RC_SUCCESS && classify_code(code) == TpmError::kBadInput) {
        refuse(step, key);
    }
    check_tss("Esys_PolicyPCR", code);
}

void TpmConnection::refuse(const PolicyStep& step, const KeyInTpm& key) {
    const PcrSelection selection = unmarshal_selection(step.selection);
    const std::string changed =
        changed_pcrs(key.pcr_lines, step, key.name_hash, read_pcrs(esys_, selection));
    throw TpmFailure(
        {ErrorCode::kAccessDenied,
         changed.empty()
             ? fmt::format("{} is bound to the PCRs {}, of which one or more have changed",
                           key.what, to_text(selection))
             : fmt::format("{} is bound to PCRs that have changed: {}", key.what, changed),
         "start the system as it was when the key was made, or use another key to the files"},
        TpmError::kPolicy);
}

}  // namespace ecryptfs::tpm2_module
