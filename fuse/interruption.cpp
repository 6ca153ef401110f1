// SPDX-License-Identifier: Apache-2.0

#include "fuse/interruption.h"

namespace ecryptfs::fuse {
namespace {

struct Asking {
    bool (*ask)(void*) = nullptr;
    void* request = nullptr;
};
thread_local Asking asking;

}  // namespace

bool is_interrupted() {
    return asking.ask != nullptr && asking.ask(asking.request);
}

Interruptible::Interruptible(bool (*ask)(void*), void* request) {
    asking = {ask, request};
}

Interruptible::~Interruptible() {
    asking = {};
}

}  // namespace ecryptfs::fuse
