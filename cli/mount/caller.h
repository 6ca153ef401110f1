// SPDX-License-Identifier: Apache-2.0
//
// Verbs that need root are run by sudo, for a user whose keyrings, bus and files they are about.

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

struct Caller {
    uid_t id = 0;
    gid_t group = 0;
    std::string name;
    std::string home;
    bool called_sudo = false;
    bool has_own_environment = true;  // the process's variables are this user's
};

// Whom the program works for: the user that `name` names, or who called sudo, or else who runs it.
// kNotFound for a user that is not there, kInvalidArgument for a SUDO_UID that names nobody: root
// never takes the place of a user that it cannot find.
base::Result<Caller> find_caller(const std::optional<std::string>& name);

// Goes on as that user, with its rights, keyring, bus and environment, for good: the process can
// never be root again. Who is that user keeps all, but for an environment that somebody else gave
// to sudo. kAccessDenied for who may not become another. Processes with one thread only.
base::Result<void> become(const Caller& caller);

// Whether the process has all of root's rights, and no other user may signal it.
bool is_root();

}  // namespace ecryptfs::cli
