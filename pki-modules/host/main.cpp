// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-pki-host MODULE.so: started by ecryptfs-agent, with a SEQPACKET socket to it as standard
// input. Loads one PKI module and does its work in a process of its own, where it may crash or
// hang.

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <thread>

#include "lib/base/process.h"
#include "pki-modules/host/server.h"

namespace {

constexpr std::uint32_t kMaxThreads = 64;

std::uint32_t threads_for(const ecryptfs::pki::Module& module) {
    const auto cores = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxThreads);
    return module.max_threads() == 0 ? cores : std::min(cores, module.max_threads());
}

ecryptfs::base::Result<void> serve(const char* module_path) {
    using namespace ecryptfs;
    if (auto forbidden = base::forbid_dumps(); !forbidden) {
        return forbidden;
    }
    const auto module = pki::Module::load(module_path);
    if (!module) {
        return std::unexpected(module.error());
    }
    pki::Server server(*module, STDIN_FILENO);
    return server.run(threads_for(*module));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: ecryptfs-pki-host MODULE.so (ecryptfs-agent starts it)\n", stderr);
        return 2;
    }
    // Libraries that talk to a server, as p11-kit's and the smart card daemon's, do not all take
    // care of one that goes away.
    ::signal(SIGPIPE, SIG_IGN);
    try {
        if (const auto served = serve(argv[1]); !served) {
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
