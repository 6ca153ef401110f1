// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <vector>

#include "lib/base/handle.h"
#include "lib/mount/helper_protocol.h"

namespace ecryptfs::mount_helper {

struct ReceivedRequest {
    mount::Request request;
    std::vector<base::UniqueFd> descriptors;  // as many as the request needs
};

// Waits for the one packet that comes over the SEQPACKET socket. Nothing if the other end is closed
// or the packet is no request with its descriptors.
std::optional<ReceivedRequest> receive_request(int socket);

void send_reply(int socket, const mount::Reply& reply);

}  // namespace ecryptfs::mount_helper
