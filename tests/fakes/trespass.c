/* SPDX-License-Identifier: Apache-2.0
 *
 * ecryptfs_trespass WHAT ARGUMENT: succeeds if it can do what trespasses.h has by that name. */

#include "trespasses.h"

int main(int argc, char** argv) {
    return argc == 3 && trespass(argv[1], argv[2]) == 0 ? 0 : 1;
}
