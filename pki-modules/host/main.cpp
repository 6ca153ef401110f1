// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-pki-host MODULE.so [--make-keys]: started by ecryptfs-agent, with a SEQPACKET socket to
// it as standard input. Loads one PKI module and does its work in a process of its own, where it
// may crash or hang, and which may do little else.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string_view>
#include <thread>

#include "lib/base/process.h"
#include "lib/base/try.h"
#include "lib/pki/host_process.h"
#include "pki-modules/host/confinement.h"
#include "pki-modules/host/server.h"

namespace {

constexpr std::uint32_t kMaxThreads = 64;

std::uint32_t thread_count(const ecryptfs::pki::Module& module) {
    const auto cores = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxThreads);
    return module.max_threads() == 0 ? cores : std::min(cores, module.max_threads());
}

// What the module does not need is gone before it sees its first key.
ecryptfs::base::Result<void> serve(const char* module_path, bool makes_keys) {
    using namespace ecryptfs;
    TRY(base::forbid_dumps());
    TRY(pki::give_up_common_rights());
    const auto module = TRY(pki::Module::load(module_path));
    auto needs = module.needs();
    needs.files |= makes_keys;
    TRY(pki::give_up_unneeded_rights(needs));
    pki::Server server(module, STDIN_FILENO);
    return server.run(thread_count(module));
}

}  // namespace

int main(int argc, char** argv) {
    const bool makes_keys =
        argc == 3 && argv[2] == std::string_view(ecryptfs::pki::kMakeKeysArgument);
    if (argc != 2 && !makes_keys) {
        std::fputs("usage: ecryptfs-pki-host MODULE.so [--make-keys] (ecryptfs-agent starts it)\n",
                   stderr);
        return 2;
    }
    // Libraries that talk to a server, as p11-kit's and the smart card daemon's, do not all take
    // care of one that goes away.
    ::signal(SIGPIPE, SIG_IGN);
    try {
        if (const auto served = serve(argv[1], makes_keys); !served) {
            ecryptfs::pki::refuse(STDIN_FILENO, served.error());
            return ecryptfs::base::traits(served.error().code).status;
        }
    } catch (const std::exception& unexpected) {
        std::fprintf(stderr, "ecryptfs-pki-host: %s\n", unexpected.what());
        return 1;
    }
    // No exit(): a vendor's library may hang or crash in its own clean-up, and nobody needs it.
    ::_exit(0);
}
