// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-mount-helper UID: root's part of `ecryptfsctl mount --kernel` and `umount`. ecryptfsctl
// starts it while it is root itself, and then is root no more. UID is whom it works for, the
// socket is its standard input. It reads no file and follows no path of that user's, takes one
// request and ends.

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string_view>

#include "lib/base/number.h"
#include "mount-helper/mounting.h"
#include "mount-helper/request_socket.h"
#include "mount-helper/unmounting.h"

namespace {

using namespace ecryptfs;

// Also of a setuid program, which this is not made for: its real user could stop it half way.
bool is_root_alone() {
    uid_t real = 1, effective = 1, saved = 1;
    return ::getresuid(&real, &effective, &saved) == 0 && real == 0 && effective == 0 && saved == 0;
}

mount::Reply answer(const mount_helper::ReceivedRequest& received, uid_t user) {
    const auto& fds = received.descriptors;
    if (const auto* request = std::get_if<mount::MountRequest>(&received.request)) {
        return mount_helper::mount_folder(*request, fds[0].get(), fds[1].get(), user);
    }
    return mount_helper::unmount_folder(std::get<mount::UnmountRequest>(received.request),
                                        fds[0].get(), user);
}

}  // namespace

int main(int argc, char** argv) {
    const auto user = argc == 2 ? base::parse_number<uid_t>(argv[1]) : std::nullopt;
    if (!user || !is_root_alone()) {
        std::fputs("ecryptfs-mount-helper: ecryptfsctl starts this program, as root\n", stderr);
        return 2;
    }
    ::umask(077);
    if (::chdir("/") != 0) {
        return 1;
    }
    const auto received = mount_helper::receive_request(STDIN_FILENO);
    mount_helper::send_reply(STDIN_FILENO, received ? answer(*received, *user)
                                                    : mount::Reply{mount::Verdict::kBadRequest});
    return 0;
}
