// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <atomic>
#include <vector>

#include "tests/vm/files.h"
#include "tests/vm/process.h"
#include "tests/vm/shared.h"

namespace ecryptfs::vm {

// Processes of a user that open and read all of some files, each process beginning with another,
// all at the same time.
class Openers {
  public:
    Openers(const User& user, const Paths& files, int processes);
    Openers(const Openers&) = delete;
    Openers& operator=(const Openers&) = delete;

    // Until now, by all.
    int opened() const { return counts_->opened; }
    int failed() const { return counts_->failed; }
    // errno of an open or a read that failed.
    int last_error() const { return counts_->last_error; }

    void wait();

  private:
    struct Counts {
        std::atomic<int> opened = 0;
        std::atomic<int> failed = 0;
        std::atomic<int> last_error = 0;
    };
    static void open_all(const Paths& files, std::size_t first, Counts& counts);

    Shared<Counts> counts_;
    std::vector<Process> processes_;
};

}  // namespace ecryptfs::vm
