// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/secret_bytes.h"
#include "pki-modules/common/rsa_contexts.h"
#include "pki-modules/tpm2/esys.h"
#include "pki-modules/tpm2/pcr_policy.h"
#include "pki-modules/tpm2/tpm_objects.h"

struct TPMS_CONTEXT;  // NOLINT(readability-identifier-naming): tpm2-tss's name

namespace ecryptfs::tpm2_module {

// Everything that the TPM needs to use a key, even after a reset. Belongs to one open key, and must
// not move in memory.
struct KeyInTpm {
    std::string what;          // for messages
    std::uint32_t handle = 0;  // of a persistent key; the next four are for other keys
    std::uint32_t parent = 0;
    PrimaryType parent_type = PrimaryType::kEcc;
    Bytes public_area;
    Bytes private_area;
    std::uint16_t name_hash = 0;
    bool fixed_scheme = false;
    Policy policy;  // empty: the PIN is enough
    std::vector<std::string> pcr_lines;
    base::SecretBytes pin;
    EsysPtr<TPMS_CONTEXT> saved;  // the loaded key, encrypted by the TPM
};

// A connection, with the sessions and loaded keys that end with it. One thread at a time.
class TpmConnection {
  public:
    explicit TpmConnection(const std::string& tcti) : esys_(tcti) {}

    Esys& esys() { return esys_; }
    // One command when the key is loaded and has no policy. Throws TpmFailure.
    // `padding`: of a key that is not fixed to one. base::Failure of kNotSupported if the TPM lacks
    // its hash.
    std::size_t decrypt(KeyInTpm& key, module::RsaPadding padding, base::ByteView wrapped,
                        base::ByteSpan room);
    // ECDH with a point, likewise. Gives the coordinate's size.
    std::size_t derive(KeyInTpm& key, base::ByteView peer, base::ByteSpan room);
    void unload(const KeyInTpm& key);
    // Unloads the keys unused for longest. A TPM holds as few as three loaded keys.
    void keep_at_most(std::size_t count);

  private:
    struct LoadedKey {
        const KeyInTpm* key;
        TpmObject object;
    };

    bool still_answers();
    const TpmObject& ensure_loaded(KeyInTpm& key);
    TpmObject load(KeyInTpm& key);
    TpmObject load_below_parent(KeyInTpm& key);
    void ensure_hmac_session(const TpmObject& salt_key);
    const TpmObject& authorize(const KeyInTpm& key);
    // Any key of the TPM can encrypt the salt. Null makes one.
    void ensure_policy_session(std::uint16_t hash, const TpmObject* salt_key);
    void execute(const PolicyStep& step, const KeyInTpm& key);
    [[noreturn]] void refuse(const PolicyStep& step, const KeyInTpm& key);

    Esys esys_;
    TpmObject hmac_session_;
    TpmObject policy_session_;
    std::uint16_t policy_hash_ = 0;
    bool policy_begun_ = false;    // and no successful command has used it up
    std::list<LoadedKey> loaded_;  // the last used first
};

// One TPM, for all keys in it and all threads: a TPM does one thing at a time.
class Tpm {
  public:
    explicit Tpm(std::string tcti) : tcti_(std::move(tcti)) {}

    // Gives the same Tpm for the same `tcti` as long as somebody holds it.
    static std::shared_ptr<Tpm> find_or_create(const std::string& tcti);

    // Both give the size. They start over, once, if the TPM was reset or the connection lost.
    base::Result<std::size_t> decrypt(KeyInTpm& key, module::RsaPadding padding,
                                      base::ByteView wrapped, base::ByteSpan room);
    base::Result<std::size_t> derive(KeyInTpm& key, base::ByteView peer, base::ByteSpan room);
    void unload(const KeyInTpm& key) noexcept;

    // Runs `work` with the connection, one at a time. If the connection was lost, runs it again
    // with a new one.
    void with_connection(const std::function<void(TpmConnection&)>& work);

  private:
    TpmConnection& ensure_connected();
    base::Result<std::size_t> use(KeyInTpm& key,
                                  const std::function<std::size_t(TpmConnection&)>& work);

    const std::string tcti_;
    std::mutex mutex_;
    std::unique_ptr<TpmConnection> connection_;
};

}  // namespace ecryptfs::tpm2_module
