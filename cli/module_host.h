// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/host_process.h"
#include "lib/pki/host_protocol.h"

namespace ecryptfs::cli {

// The modules that are installed, sorted. kUnknownModule if there are none.
base::Result<std::vector<std::string>> installed_modules(const pki::HostPaths& paths);

// A PKI host of our own, for what needs no agent: listing tokens, making keys. Its process goes
// with it. One thing at a time.
class ModuleHost {
  public:
    // kUnknownModule, kModuleFailed.
    static base::Result<ModuleHost> start(const pki::HostPaths& paths, const std::string& module);
    ModuleHost(ModuleHost&&) = default;
    ModuleHost& operator=(ModuleHost&&) = delete;
    ModuleHost(const ModuleHost&) = delete;
    ModuleHost& operator=(const ModuleHost&) = delete;
    ~ModuleHost();

    // Views end with the call of `take`. kTimedOut for a device that does not answer.
    base::Result<void> list(pki::ItemKind kind, const std::function<void(const pki::Item&)>& take);

    // Gives the new key's locator. As long as it takes: a slow token needs minutes.
    base::Result<std::string> make_key(const pki::MakeKey& message);

  private:
    ModuleHost(pki::HostPaths paths, pki::HostProcess process, base::SecretBytes packet)
        : paths_(std::move(paths)), process_(std::move(process)), packet_(std::move(packet)) {}

    base::Result<void> send(const pki::ToHost& message);
    base::Result<pki::FromHost> receive(int timeout_ms);
    base::Error lost();

    pki::HostPaths paths_;
    pki::HostProcess process_;  // pid 0 once it was reaped
    base::SecretBytes packet_;
};

}  // namespace ecryptfs::cli
