// SPDX-License-Identifier: Apache-2.0

#include "fuse/listing_habits.h"

namespace ecryptfs::fuse {
namespace {

// Who is told all cannot show what it would ask: so every now and then it is not.
constexpr unsigned kBetweenTries = 16;

}  // namespace

ListingHabits::Habit& ListingHabits::habit(pid_t thread) {
    return habits_[static_cast<std::size_t>(thread) % habits_.size()];
}

bool ListingHabits::wants_nodes(pid_t thread, std::uint64_t folder) {
    const std::scoped_lock lock(mutex_);
    auto& known = habit(thread);
    if (known.thread != thread) {
        known = Habit{.thread = thread};
    }
    if (known.is_watched && known.listed != 0) {
        known.wants_nodes = 2 * known.looked_up >= known.listed;
    }
    const bool tries = known.lists++ % kBetweenTries == 0;
    known.is_watched = tries || !known.wants_nodes;
    known.folder = folder;
    known.listed = 0;
    known.looked_up = 0;
    return !known.is_watched;
}

void ListingHabits::note_listed(pid_t thread, std::uint64_t folder, unsigned files) {
    const std::scoped_lock lock(mutex_);
    auto& known = habit(thread);
    if (known.thread == thread && known.folder == folder) {
        known.listed = files;
    }
}

void ListingHabits::note_lookup(pid_t thread, std::uint64_t folder, bool is_folder) {
    const std::scoped_lock lock(mutex_);
    auto& known = habit(thread);
    if (known.thread == thread && known.folder == folder && !is_folder) {
        ++known.looked_up;
    }
}

}  // namespace ecryptfs::fuse
