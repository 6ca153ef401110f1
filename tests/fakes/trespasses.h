/* SPDX-License-Identifier: Apache-2.0
 *
 * What a PKI module should not be able to do, or only if it says that it needs it: to be tried from
 * within a host. */

#ifndef ECRYPTFS_TRESPASSES_H
#define ECRYPTFS_TRESPASSES_H

/* Does `what`, a name of the table in trespasses.c, with a path or a process as `argument`. 0 if it
 * could be done, else errno, and -1 if there is no such thing. */
int trespass(const char* what, const char* argument);

#endif
