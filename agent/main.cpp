// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <systemd/sd-daemon.h>

#include <cstring>
#include <exception>

#include "agent/bus_service.h"
#include "agent/datagram.h"
#include "agent/device.h"
#include "agent/event_loop.h"
#include "agent/host_pool.h"
#include "agent/keys.h"
#include "agent/log.h"
#include "agent/options.h"
#include "agent/requests.h"
#include "lib/base/process.h"

namespace {

using namespace ecryptfs;

// The descriptor that the service manager, or a test, hands over under the name "device".
base::UniqueFd handed_over_device() {
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(/*unset_environment=*/1, &names);
    base::UniqueFd device;
    for (int i = 0; i < count; ++i) {
        base::UniqueFd fd(SD_LISTEN_FDS_START + i);
        if (std::strcmp(names[i], "device") == 0 && !device) {
            device = std::move(fd);
        }
        ::free(names[i]);
    }
    ::free(static_cast<void*>(names));
    return device;
}

int run(const agent::Options& options) {
    base::value_or_throw(base::forbid_dumps());
    auto device_fd = handed_over_device();

    agent::EventLoop loop;
    agent::Device device(loop, options.device);
    agent::HostPool hosts(loop, options.paths);
    agent::Keys keys(hosts);
    agent::Requests requests(device, keys, hosts, options.reply_within);
    agent::BusService bus(loop, {device, requests, keys, hosts});

    const auto stop = [&loop] { loop.exit(0); };
    const auto on_terminate = loop.on_signal(SIGTERM, stop);
    const auto on_interrupt = loop.on_signal(SIGINT, stop);
    // The device is held from here on, and so must be read: nothing that waits comes after this.
    device.start([&requests](base::ByteView frame) { requests.take_frame(frame); },
                 std::move(device_fd));
    bus.start();

    const int exit_code = loop.run();
    agent::notify_service_manager("STOPPING=1");
    return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = agent::parse_options(argc, argv);
    if (!options) {
        return options.error();
    }
    try {
        return run(*options);
    } catch (const base::Failure& failure) {
        const auto& error = failure.error();
        agent::log_line(agent::Priority::kError, error.message);
        return base::traits(error.code).status;
    } catch (const std::exception& unexpected) {
        agent::log_line(agent::Priority::kError, unexpected.what());
        return 1;
    }
}
