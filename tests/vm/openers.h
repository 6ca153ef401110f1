// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <atomic>
#include <vector>

#include "tests/vm/files.h"
#include "tests/vm/process.h"

namespace ecryptfs::vm {

// Processes of a user that open and read files, all at the same time.
class Openers {
  public:
    enum class Files : std::uint8_t {
        kAll,    // each process opens all, and begins with another
        kShared  // each process opens its share, as large as that of any other
    };
    Openers(const User& user, const Paths& files, int processes, Files which = Files::kAll);
    Openers(const Openers&) = delete;
    Openers& operator=(const Openers&) = delete;
    ~Openers();

    // Until now, by all.
    int opened() const { return counts_->opened; }
    int failed() const { return counts_->failed; }
    // errno of an open or a read that failed.
    int last_error() const { return counts_->last_error; }

    void wait();

  private:
    // In memory that the processes share.
    struct Counts {
        std::atomic<int> opened = 0;
        std::atomic<int> failed = 0;
        std::atomic<int> last_error = 0;
    };
    static void open_all(const Paths& files, Counts& counts);

    Counts* counts_;
    std::vector<Process> processes_;
};

}  // namespace ecryptfs::vm
