// SPDX-License-Identifier: Apache-2.0
//
// The PKI hosts that this process has started and not ended yet. A host that is killed leaves what
// it has in a TPM without a resource manager, where there is room for three keys: so hosts are told
// to end, also when a signal ends this process.

#pragma once

#include <sys/types.h>

namespace ecryptfs::pki {

// From now on SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGPIPE have the host close its keys before they
// end this process. A second such signal does not wait. Borrows both.
void add_live_host(pid_t host, int socket);
void remove_live_host(pid_t host);

// Tells all live hosts to close their keys and end, and waits for it some seconds at most. Reaps
// none. Safe in a signal handler.
void end_live_hosts() noexcept;

// The same of one, which is killed if it does not end; at once unless `answers`. Reaps it.
void end_host(pid_t host, int socket, bool answers);

}  // namespace ecryptfs::pki
