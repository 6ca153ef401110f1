// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-pki-host MODULE.so [--make-keys]: ecryptfs-agent or ecryptfsctl starts it, with a
// SEQPACKET socket to itself as standard input. Loads one PKI module and does its work in a process
// of its own. There the module may crash or hang, and can do little harm.

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

// Gives up what the module does not need before the module sees its first key.
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
    // Some libraries that talk to a server, such as p11-kit or the smart card daemon, do not expect
    // it to go away.
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
    // No exit(): a vendor's library may hang or crash in its clean-up, which nobody needs.
    ::_exit(0);
}
