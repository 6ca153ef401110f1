// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <string>

#include "tests/bench/kernel/crowd.h"
#include "tests/bench/side.h"
#include "tests/vm/files.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::bench {

// A mount of a user, whose daemon is there already, on a tmpfs. Each open and each new file in it
// asks that daemon.
class FilesSide {
  public:
    // Borrows the session, in which the kernel finds the key.
    FilesSide(const vm::UserSession& session, const std::string& name, const std::string& key);

    // Opens a second, by so many processes. Passes over all files, until the time is up or there
    // were enough; before each the kernel is made to forget the files' keys.
    double opens(int processes, Seconds time);
    // New files a second. Each process has a folder of its own: the kernel makes one file at a time
    // in a folder.
    double creates(int processes, Seconds time);

  private:
    // `open` is called once for each number, by whichever process is free, until the time is up;
    // gives what open(2) gives.
    Tally pass(int processes, Seconds time,
               const std::function<int(int process, std::size_t number)>& open) const;
    void make_folders(int count);

    const vm::User& user_;
    vm::Mount mount_;
    vm::Paths files_;
};

}  // namespace ecryptfs::bench
