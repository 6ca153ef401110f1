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

// The storage key of P-256 or RSA-2048 that is the parent where a TSS2 PEM file names a hierarchy.
// Its template determines it. The hierarchy must have no password.
TpmObject create_primary(const Esys& esys, std::uint32_t hierarchy, PrimaryType type);

// kLost if there is no such object.
TpmObject persistent_object(const Esys& esys, std::uint32_t handle);
bool is_persistent(std::uint32_t handle);

// A session that stays open. Its key comes from a secret that is encrypted for `salt_key`, so that
// nobody who listens on the bus can compute it. Encryption costs time: the answers hold secrets,
// and only the making of a key sends one.
enum class SessionType { kHmac, kPolicy };
enum class Encrypted { kAnswers, kBothWays };
TpmObject start_session(const Esys& esys, const TpmObject& salt_key, SessionType type,
                        std::uint16_t hash, Encrypted encrypted);

// The areas are a TPM2B_PUBLIC and a TPM2B_PRIVATE. kForeign for a key of another parent or TPM.
TpmObject load_key(const Esys& esys, const TpmObject& parent, const TpmObject& session,
                   base::ByteView public_area, base::ByteView private_area);

// The context of a loaded key, encrypted by the TPM. Loads the key again without its parent.
EsysPtr<TPMS_CONTEXT> save_context(const Esys& esys, const TpmObject& key);
TpmObject load_context(const Esys& esys, const TPMS_CONTEXT& context);

// Gives ESYS the authorization value of a key as long as this lives. Afterwards wipes it from
// ESYS's memory, which is not locked: from the key and from the session that used it.
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

// The TPM compares values without trailing zeros.
base::ByteView without_trailing_zeros(base::ByteView auth_value);

}  // namespace ecryptfs::tpm2_module
