// SPDX-License-Identifier: Apache-2.0
//
// The PKI hosts that this process has started and that still run. They are told to end, also when a
// signal ends this process: a host that is killed leaves its keys in a TPM without a resource
// manager, where there is room for three.

#pragma once

#include <sys/types.h>

namespace ecryptfs::pki {

// From now on SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGPIPE have the host close its keys before they
// end this process. A second such signal does not wait. Borrows both.
void add_live_host(pid_t host, int socket);
void remove_live_host(pid_t host);

// Tells all live hosts to close their keys and end, and waits for them some seconds at most. Reaps
// none. Safe in a signal handler.
void end_live_hosts() noexcept;

// Tells one host to end, and kills it if it does not. Kills it at once unless it is responsive.
// Reaps it.
void end_host(pid_t host, int socket, bool is_responsive);

}  // namespace ecryptfs::pki
