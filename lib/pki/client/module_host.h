// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/host_process.h"
#include "lib/pki/host_protocol.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::pki {

// The modules that are installed, sorted. kUnknownModule if there are none.
base::Result<std::vector<std::string>> installed_modules(const HostPaths& paths);

// A PKI host of our own, for what needs no agent: listing tokens, making keys, opening lower files.
// The host's process closes its keys and ends with this object, or with this process
// (lib/pki/client/live_hosts.h). A host that answers what it was not asked is killed at once. One
// call at a time.
class ModuleHost {
  public:
    // kUnknownModule, kModuleFailed.
    static base::Result<ModuleHost> start(const HostPaths& paths, const std::string& module,
                                          HostTask task = HostTask::kUseKeys);
    ModuleHost(ModuleHost&&) = default;
    ModuleHost& operator=(ModuleHost&&) = delete;
    ModuleHost(const ModuleHost&) = delete;
    ModuleHost& operator=(const ModuleHost&) = delete;
    ~ModuleHost();

    // Calls `take` for each item, whose views end with the call. kTimedOut for a device that does
    // not answer.
    base::Result<void> list(ItemKind kind, const std::function<void(const Item&)>& take);

    // Opens a private key, which is `key` in later calls, to decrypt too or to encrypt only.
    // kSecretRequired, kWrongSecret, and the
    // module's own errors.
    struct OpenedKey {
        wire::KeySignature signature;
        std::string warning;  // one line; empty if there is none
        PublicKey public_key;
    };
    base::Result<OpenedKey> open_key(std::uint64_t key, std::string_view locator,
                                     const base::SecretEntry& secret,
                                     KeyUse use = KeyUse::kPrivate);

    // Decrypts a Tag 1 packet's file key: cipher code, FEK and checksum if `key` is the right one.
    base::Result<base::SecretBytes> decrypt(std::uint64_t key, base::ByteView encrypted_fek);

    // Unwraps by RSA-OAEP. kNotSupported for a key of a curve, and if the token cannot do it with
    // this hash; kDecryptFailed whatever is wrong with the bytes.
    base::Result<base::SecretBytes> decrypt_oaep(std::uint64_t key, OaepDigest digest,
                                                 base::ByteView input);
    // ECDH: the X coordinate that the key shares with `peer`, a public key as in PublicKey::point.
    // kInvalidArgument if that is not one of the key's curve; kNotSupported for an RSA key.
    base::Result<base::SecretBytes> derive(std::uint64_t key, base::ByteView peer);
    // Encrypts a file key for a Tag 1 packet: cipher code, FEK and checksum.
    base::Result<std::vector<std::uint8_t>> encrypt(std::uint64_t key, base::ByteView file_key);

    // Gives the new key's locator. Waits without a limit: a slow token needs minutes.
    base::Result<std::string> make_key(const MakeKey& message);

  private:
    ModuleHost(HostPaths paths, HostProcess process, base::SecretBytes packet)
        : paths_(std::move(paths)), process_(std::move(process)), packet_(std::move(packet)) {}

    using Clock = std::chrono::steady_clock;
    using Deadline = std::optional<Clock::time_point>;  // none: without a limit
    static Clock::time_point after(Clock::duration time) { return Clock::now() + time; }

    base::Result<void> send(const ToHost& message);
    base::Result<FromHost> receive(Deadline deadline);
    base::Result<FromHost> receive_answer(std::uint64_t id, Deadline deadline);
    template <typename Message>
    base::Result<FromHost> ask(Message message, Deadline deadline);
    template <typename Message>
    base::Result<base::SecretBytes> ask_for_secret(Message message);
    std::unexpected<base::Error> reject_answer();
    base::Error reap_lost_host();
    siginfo_t end_process();

    HostPaths paths_;
    HostProcess process_;        // pid 0 once it was reaped
    bool is_responsive_ = true;  // has always answered in time
    base::SecretBytes packet_;
    std::uint64_t last_id_ = 0;  // of a message
    std::set<std::uint64_t> unanswered_;
};

}  // namespace ecryptfs::pki
