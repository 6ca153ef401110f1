// SPDX-License-Identifier: Apache-2.0
//
// Verbs that need root are run by sudo, for a user whose keyrings, bus and files they are about.

#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

struct Caller {
    uid_t id;
    std::string name;
    std::string home;
};

// Goes on as the user that `name` names, or who called sudo, or else as who runs the program: with
// that user's rights, keyring and bus, and the right to be root again. kNotFound for a user that
// is not there, kAccessDenied for who may not become another. Once, before anything else; processes
// with one thread only.
base::Result<Caller> act_for_user(const std::string& name);

// Root while it lives, where the program was started as root; without effect otherwise.
class AsRoot {
  public:
    AsRoot();
    AsRoot(const AsRoot&) = delete;
    AsRoot& operator=(const AsRoot&) = delete;
    ~AsRoot();

  private:
    uid_t before_;
};

// Whether it can be.
bool may_be_root();

}  // namespace ecryptfs::cli
