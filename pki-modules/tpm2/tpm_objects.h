// SPDX-License-Identifier: Apache-2.0
//
// Keys and sessions of a TPM. All throw TpmFailure.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "pki-modules/tpm2/der.h"
#include "pki-modules/tpm2/esys.h"

struct TPMS_CONTEXT;  // NOLINT(readability-identifier-naming): tpm2-tss's name

namespace ecryptfs::tpm2_module {

inline constexpr std::uint32_t kOwnerHierarchy = 0x40000001;
inline constexpr std::uint32_t kNullHierarchy = 0x40000007;

enum class PrimaryType { kEcc, kRsa };

// The storage key of P-256 or RSA-2048 that readers of TSS2 PEM files take for the parent where the
// file names a hierarchy: its template says all there is to it. The hierarchy has no password.
TpmObject create_primary(const Esys& esys, std::uint32_t hierarchy, PrimaryType type);

// kLost if there is none.
TpmObject persistent_object(const Esys& esys, std::uint32_t handle);
bool is_persistent(std::uint32_t handle);

// A session whose key is made from a secret encrypted for `salt_key`, so that who listens on the
// bus cannot compute it; kept open. What it encrypts costs time: a secret is in the answers only
// unless a key is made.
enum class SessionType { kHmac, kPolicy };
enum class Encrypted { kAnswers, kBothWays };
TpmObject start_session(const Esys& esys, const TpmObject& salt_key, SessionType type,
                        std::uint16_t hash, Encrypted encrypted);

// The areas are a TPM2B_PUBLIC and a TPM2B_PRIVATE. kForeign if it is not of this parent and TPM.
TpmObject load_key(const Esys& esys, const TpmObject& parent, const TpmObject& session,
                   base::ByteView public_area, base::ByteView private_area);

// A loaded key's context, encrypted by the TPM, by which to load it again without its parent.
EsysPtr<TPMS_CONTEXT> save_context(const Esys& esys, const TpmObject& key);
TpmObject load_context(const Esys& esys, const TPMS_CONTEXT& context);

// While it lives, ESYS knows the authorization value of a key. Afterwards nothing of that is left
// in ESYS's memory, which is not locked: neither in the key nor in the session that it was used
// with.
class AuthScope {
  public:
    AuthScope(const Esys& esys, const TpmObject& key, const TpmObject& session,
              base::ByteView value);
    ~AuthScope();
    AuthScope(const AuthScope&) = delete;
    AuthScope& operator=(const AuthScope&) = delete;
    AuthScope(AuthScope&&) = delete;
    AuthScope& operator=(AuthScope&&) = delete;

  private:
    ESYS_CONTEXT* context_;
    std::uint32_t key_;
    std::uint32_t session_;
    std::size_t size_;
};

// As the TPM compares them: without zeros at the end.
base::ByteView without_trailing_zeros(base::ByteView auth_value);

}  // namespace ecryptfs::tpm2_module
