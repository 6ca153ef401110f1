// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string_view>

namespace ecryptfs::agent {

// Sends one datagram, with a descriptor if there is one, to a socket of the file system, or of the
// abstract name space if the address begins with "@". Never waits: what the receiver has no room
// for now is lost, and false is given. sd_journal_send() and sd_notify() would wait for a receiver
// that is stuck.
bool send_datagram(std::string_view address, std::string_view payload, int descriptor = -1);

// sd_notify(3): "READY=1", "STATUS=…". Without a service manager does nothing, and gives true.
bool notify_service_manager(std::string_view state, int descriptor = -1);

}  // namespace ecryptfs::agent
