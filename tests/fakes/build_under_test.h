// SPDX-License-Identifier: Apache-2.0
//
// Which programs the tests drive: those of their own build, or of the build folder that
// ECRYPTFS_BUILD names. So the same tests drive programs with sanitizers, without being compiled
// anew for each (./dev test asan).

#pragma once

#include <string>

namespace ecryptfs::test {

// The path of what a build has under `name`, such as "cli/ecryptfsctl".
std::string built(const std::string& name);

inline std::string agent_program() {
    return built("agent/ecryptfs-agent");
}
inline std::string host_program() {
    return built("pki-modules/host/ecryptfs-pki-host");
}
inline std::string ctl_program() {
    return built("cli/ecryptfsctl");
}

// Whether these are the programs of another build: slower, and with more memory.
bool has_sanitizers();

}  // namespace ecryptfs::test
