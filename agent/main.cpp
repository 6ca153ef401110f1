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
#include "agent/requests/channels.h"
#include "agent/requests/descriptor_store.h"
#include "agent/requests/device.h"
#include "agent/requests/requests.h"
#include "agent/runtime/datagram.h"
#include "agent/runtime/event_loop.h"
#include "agent/runtime/handover.h"
#include "agent/runtime/log.h"
#include "agent/runtime/options.h"
#include "lib/base/process.h"

namespace {

using namespace ecryptfs;

// What the service manager, or a test, hands over.
struct HandedOver {
    base::UniqueFd device;
    base::UniqueFd memory;
    std::vector<std::pair<std::string, base::UniqueFd>> channels;
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
        } else {
            all.channels.emplace_back(names[i], std::move(fd));
        }
        ::free(names[i]);
    }
    ::free(static_cast<void*>(names));
    return all;
}

// A mount forgets what a key opened once the key opens nothing more.
void tell_state(agent::Channels& channels, const wire::KeySignature& signature,
                const std::optional<agent::KeyInfo>& key) {
    const auto state = key ? key->state : dbus::KeyState::kMissing;
    if (state == dbus::KeyState::kUnlocked) {
        channels.tell(channel::NoteType::kUnlocked, signature);
    } else if (state != dbus::KeyState::kUnopened && state != dbus::KeyState::kUnusable) {
        channels.tell(channel::NoteType::kLocked, signature);
    }
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
    agent::Requests requests(loop, keys, hosts, handover.requests(), options.reply_within);
    requests.add_source(agent::kDeviceSource, device);
    agent::Channels channels(loop, store, requests);
    keys.on_change([&](const wire::KeySignature& signature) {
        tell_state(channels, signature, keys.find(signature));
    });
    agent::BusService bus(loop, {device, channels, requests, keys, hosts});
    agent::SessionWatch session(
        loop, options.lock_on, [&](const std::string& why, std::move_only_function<void()> done) {
            agent::log_line(agent::Priority::kInfo, "locking all keys: " + why);
            keys.lock_all();
            channels.tell(channel::NoteType::kLocked, std::nullopt);
            agent::when_forgotten(
                hosts, channels,
                [done = std::move(done)](const auto& /*forgotten*/) mutable { done(); });
        });

    const auto stop = [&loop] { loop.exit(0); };
    const auto on_terminate = loop.on_signal(SIGTERM, stop);
    const auto on_interrupt = loop.on_signal(SIGINT, stop);
    // The device is held from here on, and so must be read: nothing that waits comes after this.
    if (!handover.is_inherited()) {
        store.remove(agent::kMemoryName);  // another version's: the store would keep both
    }
    store.put(agent::kMemoryName, handover.fd());
    for (auto& [name, fd] : inherited.channels) {
        channels.adopt(name, std::move(fd));
    }
    auto same_sources = channels.numbers();
    if (inherited.device) {
        same_sources.insert(agent::kDeviceSource);
    }
    device.start(requests, std::move(inherited.device));
    keys.restore();
    requests.replay(same_sources);
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
