// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/other_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>

#include "tests/support/wait.h"
#include "tests/vm/kernel.h"

namespace ecryptfs::vm {
namespace {

int hold_the_device(const std::string& name) {
    ::prctl(PR_SET_NAME, name.c_str());
    ::prctl(PR_SET_DUMPABLE, 1);  // as a program that was executed is
    const base::UniqueFd device(::open(kDevice, O_RDWR | O_CLOEXEC));
    static_cast<void>(::write(STDOUT_FILENO, device ? "1" : "0", 1));
    pollfd request{.fd = device.get(), .events = POLLIN, .revents = 0};
    std::array<char, 1024> frame{};
    while (::poll(&request, 1, -1) == 1 && ::read(device.get(), frame.data(), frame.size()) >= 0) {
    }
    return 0;
}

}  // namespace

OtherDaemon::OtherDaemon(const User& user, const std::string& name)
    : state_(memory_file()),
      process_({.user = user, .out = state_.get()}, [name] { return hold_the_device(name); }) {
    test::wait_until("the other daemon has the device",
                     [&] { return content_of(state_.get()) == "1"; });
}

void OtherDaemon::end() {
    end_process(process_.pid(), SIGTERM);
    process_.wait();
}

}  // namespace ecryptfs::vm
