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

namespace ecryptfs::cli {

// The modules that are installed, sorted. kUnknownModule if there are none.
base::Result<std::vector<std::string>> installed_modules(const pki::HostPaths& paths);

// A PKI host of our own, for what needs no agent: listing tokens, making keys, opening lower files.
// Its process closes its keys and ends with it (cli/live_hosts.h), and is killed earlier if it says
// what it was not asked for. One thing at a time.
class ModuleHost {
  public:
    // kUnknownModule, kModuleFailed.
    static base::Result<ModuleHost> start(const pki::HostPaths& paths, const std::string& module,
                                          pki::HostTask task = pki::HostTask::kUseKeys);
    ModuleHost(ModuleHost&&) = default;
    ModuleHost& operator=(ModuleHost&&) = delete;
    ModuleHost(const ModuleHost&) = delete;
    ModuleHost& operator=(const ModuleHost&) = delete;
    ~ModuleHost();

    // Views end with the call of `take`. kTimedOut for a device that does not answer.
    base::Result<void> list(pki::ItemKind kind, const std::function<void(const pki::Item&)>& take);

    // Opens a private key, which is `key` from now on. No secret is not the same as an empty one,
    // by which a device may ask by itself. kSecretRequired, kWrongSecret and whatever the module
    // has.
    struct OpenedKey {
        wire::KeySignature signature;
        std::string warning;  // one line; empty if there is none
    };
    base::Result<OpenedKey> open_key(std::uint64_t key, std::string_view locator,
                                     const std::optional<base::SecretBytes>& secret);

    // The file key within an encrypted one: cipher code, FEK and checksum, if the key is the right.
    base::Result<base::SecretBytes> decrypt(std::uint64_t key, base::ByteView encrypted_fek);

    // Gives the new key's locator. As long as it takes: a slow token needs minutes.
    base::Result<std::string> make_key(const pki::MakeKey& message);

  private:
    ModuleHost(pki::HostPaths paths, pki::HostProcess process, base::SecretBytes packet)
        : paths_(std::move(paths)), process_(std::move(process)), packet_(std::move(packet)) {}

    using Clock = std::chrono::steady_clock;
    using Deadline = std::optional<Clock::time_point>;  // none: as long as it takes
    static Clock::time_point after(Clock::duration time) { return Clock::now() + time; }

    base::Result<void> send(const pki::ToHost& message);
    base::Result<pki::FromHost> receive(Deadline deadline);
    base::Result<pki::FromHost> answer_to(std::uint64_t id, Deadline deadline);
    template <typename Message>
    base::Result<pki::FromHost> ask(Message message, Deadline deadline);
    std::unexpected<base::Error> out_of_turn();
    base::Error lost();
    siginfo_t end_process();

    pki::HostPaths paths_;
    pki::HostProcess process_;  // pid 0 once it was reaped
    bool answers_ = true;       // in time, until now
    base::SecretBytes packet_;
    std::uint64_t last_id_ = 0;  // of a message
    std::set<std::uint64_t> unanswered_;
};

}  // namespace ecryptfs::cli
