// SPDX-License-Identifier: Apache-2.0
//
// The user that a verb works for. Verbs that need root are run by sudo, but use the keyrings, the
// bus and the files of that user.

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

// Finds the user `name`, by default the caller of sudo, else the current user. kNotFound for a user
// that does not exist. kInvalidArgument for a SUDO_UID that names nobody: root never takes the
// place of a user that it cannot find.
base::Result<Caller> find_caller(const std::optional<std::string>& name);

// Switches to that user for good, with its rights, keyring, bus and environment: the process can
// never be root again. If it is that user already, it only loses an environment that somebody else
// gave to sudo. kAccessDenied if it may not switch. Processes with one thread only.
base::Result<void> become(const Caller& caller);

// Whether the process has all of root's rights, and no other user may signal it.
bool is_root();

}  // namespace ecryptfs::cli
