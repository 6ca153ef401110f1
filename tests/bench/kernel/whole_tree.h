// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <string>

#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::bench {

// Where a key is, and what opens it.
struct KeyFile {
    std::string signature;
    std::string path;
    std::string passphrase;
};

// Files that are copied out of a mount by cp(1), or without one by `ecryptfsctl decrypt`.
class WholeTree {
  public:
    // Makes so many files of this size, in bytes. Borrows the session, whose agent has the key.
    WholeTree(const vm::UserSession& session, const std::string& name, KeyFile key,
              std::size_t count, std::size_t size);

    // Files a second, all of them once.
    double copied_from_mount();
    double decrypted();

  private:
    double rate_of(const vm::Arguments& command) const;

    const vm::UserSession& session_;
    KeyFile key_;
    std::size_t count_;
    std::string copy_;
    std::string passphrase_file_;
    vm::Mount mount_;
};

}  // namespace ecryptfs::bench
