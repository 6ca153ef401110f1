// SPDX-License-Identifier: Apache-2.0

#include "fuse/waiting.h"

namespace ecryptfs::fuse {
namespace {

thread_local bool this_thread_may_wait = true;

}  // namespace

bool may_wait() {
    return this_thread_may_wait;
}

WithoutWaiting::WithoutWaiting() {
    this_thread_may_wait = false;
}

WithoutWaiting::~WithoutWaiting() {
    this_thread_may_wait = true;
}

WithWaiting::WithWaiting() : before_(this_thread_may_wait) {
    this_thread_may_wait = true;
}

WithWaiting::~WithWaiting() {
    this_thread_may_wait = before_;
}

}  // namespace ecryptfs::fuse
