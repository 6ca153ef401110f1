// SPDX-License-Identifier: Apache-2.0

#include <signal.h>
#include <systemd/sd-daemon.h>

#include <cstring>
#include <exception>

#include "agent/bus/service.h"
#include "agent/bus/session_watch.h"
#include "agent/keys/keys.h"
#include "agent/modules/host_connection.h"
#include "agent/modules/host_pool.h"
#include "agent/requests/descriptor_store.h"
#include "agent/requests/device.h"
#include "agent/requests/handover.h"
#include "agent/requests/requests.h"
#include "agent/runtime/datagram.h"
#include "agent/runtime/event_loop.h"
#include "agent/runtime/log.h"
#include "agent/runtime/options.h"
#include "lib/base/process.h"

namespace {

using namespace ecryptfs;

// What the service manager, or a test, hands over.
struct HandedOver {
    base::UniqueFd device;
    base::UniqueFd memory;
};

HandedOver take_inherited() {
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(/*unset_environment=*/1, &names);
    HandedOver all;
    for (int i = 0; i < count; ++i) {
        base::UniqueFd fd(SD_LISTEN_FDS_START + i);
        if (std::strcmp(names[i], agent::kDeviceName) == 0 && !all.device) {
            all.device = std::move(fd);
        } else if (std::strcmp(names[i], agent::kMemoryName) == 0 && !all.memory) {
            all.memory = std::move(fd);
        }
        ::free(names[i]);
    }
    ::free(static_cast<void*>(names));
    return all;
}

int run(const agent::Options& options) {
    base::value_or_throw(base::forbid_dumps());
    ::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go
    auto inherited = take_inherited();

    agent::EventLoop loop;
    agent::DescriptorStore store(loop);
    agent::Handover handover(std::move(inherited.memory));
    agent::Device device(loop, store, handover.fd(), options.device);
    agent::ProcessLauncher launcher(loop, options.host_paths);
    agent::HostPool hosts(loop, launcher, options.host_idle_time);
    agent::Keys keys(loop, hosts, handover.keys());
    agent::Requests requests(loop, device, keys, hosts, handover.requests(), options.reply_within);
    agent::BusService bus(loop, {device, requests, keys, hosts});
    agent::SessionWatch session(
        loop, options.lock_on, [&](const std::string& why, std::move_only_function<void()> done) {
            agent::log_line(agent::Priority::kInfo, "locking all keys: " + why);
            keys.lock_all();
            hosts.when_closed(std::move(done));
        });

    const auto stop = [&loop] { loop.exit(0); };
    const auto on_terminate = loop.on_signal(SIGTERM, stop);
    const auto on_interrupt = loop.on_signal(SIGINT, stop);
    // The device is held from here on, and so must be read: nothing that waits comes after this.
    if (!handover.is_inherited()) {
        store.remove(agent::kMemoryName);  // another version's: the store would keep both
    }
    store.put(agent::kMemoryName, handover.fd());
    const bool continues = static_cast<bool>(inherited.device);
    device.start(requests, std::move(inherited.device));
    keys.restore();
    continues ? requests.replay() : requests.discard_leftovers();
    bus.start();
    session.start();

    const int exit_code = loop.run();
    agent::notify_service_manager("STOPPING=1");
    hosts.finish();
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
