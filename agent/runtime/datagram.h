// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string_view>

namespace ecryptfs::agent {

// Sends one datagram, with a descriptor if there is one, to a socket in the file system, or in the
// abstract name space if the address begins with "@". Never waits: if the receiver has no room now,
// the datagram is lost and the result false. sd_journal_send() and sd_notify() would wait for a
// receiver that is stuck.
bool send_datagram(std::string_view address, std::string_view payload, int descriptor = -1);

// sd_notify(3): "READY=1", "STATUS=…". Without a service manager does nothing and gives true.
bool notify_service_manager(std::string_view state, int descriptor = -1);

}  // namespace ecryptfs::agent
