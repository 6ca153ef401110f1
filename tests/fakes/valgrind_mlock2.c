// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a program that valgrind runs: valgrind 3.19 does not know mlock2(2).

#include <sys/mman.h>

__attribute__((visibility("default"))) int mlock2(const void* memory, size_t size,
                                                  unsigned int flags) {
    (void)memory;
    (void)size;
    (void)flags;
    return 0;
}
