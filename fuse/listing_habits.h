// SPDX-License-Identifier: Apache-2.0
//
// Who lists a folder and then asks about each file in it, as `ls -l` does, is spared the questions
// if the list has the answers. Who asks for names only, as `find` does, is spared the answers. What
// a program did with the last folder tells. Any thread.

#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <mutex>

namespace ecryptfs::fuse {

class ListingHabits {
  public:
    // A thread begins to list a folder. Whether it should be told about the files in it, too.
    bool wants_nodes(pid_t thread, std::uint64_t folder);
    // How many files, other than folders, it has been told the names of so far.
    void note_listed(pid_t thread, std::uint64_t folder, unsigned files);
    // It asked about one.
    void note_lookup(pid_t thread, std::uint64_t folder, bool is_folder);

  private:
    struct Habit {
        pid_t thread = 0;
        bool wants_nodes = false;
        bool is_watched = false;  // the last list had names only
        std::uint64_t folder = 0;
        unsigned listed = 0;
        unsigned looked_up = 0;
        unsigned lists = 0;
    };

    Habit& habit(pid_t thread);

    std::mutex mutex_;
    std::array<Habit, 16> habits_{};
};

}  // namespace ecryptfs::fuse
