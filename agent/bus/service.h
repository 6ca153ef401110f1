// SPDX-License-Identifier: Apache-2.0
//
// The agent on the user bus: lib/dbus/org.ecryptfs.Agent1.xml says what it offers. No call here
// waits for the bus: operations that need a reply continue when it arrives.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/bus/call.h"
#include "agent/bus/link.h"
#include "agent/keys/keys.h"
#include "agent/modules/host_pool.h"
#include "agent/requests/channels.h"
#include "agent/requests/device.h"
#include "agent/requests/requests.h"
#include "agent/runtime/event_loop.h"
#include "agent/runtime/log.h"

struct sd_bus;
struct sd_bus_message;

namespace ecryptfs::agent {

// Calls back when neither a host nor a mount has any of the keys that were locked until now.
void when_forgotten(HostPool& hosts, Channels& channels,
                    std::move_only_function<void(base::Result<void>)> done);

// The parts of the agent that the bus shows and controls.
struct AgentParts {
    Device& device;
    Channels& channels;
    Requests& requests;
    Keys& keys;
    HostPool& hosts;
};

class BusService {
  public:
    // Borrows all.
    BusService(EventLoop& loop, AgentParts parts);
    BusService(const BusService&) = delete;
    BusService& operator=(const BusService&) = delete;
    ~BusService() = default;

    // Connects to the user bus and asks for the name. Without a bus the agent serves the tokens
    // that it finds in the keyring. After losing the bus it tries to connect again.
    void start();

    const AgentParts& parts() const { return parts_; }

    // The methods on the bus. Each answers its call, some later.
    void add_key(const BusCall& call);
    void register_token(const BusCall& call);
    void forget_key(const BusCall& call);
    void lock_all(const BusCall& call);
    void open_channel(const BusCall& call);
    void announce_unlocked(const BusCall& call);
    void hand_out_key(const BusCall& call);
    void lock_folder_key(const BusCall& call);
    void unlock_key(const BusCall& call, const wire::KeySignature& signature);
    void lock_key(const BusCall& call, const wire::KeySignature& signature);

  private:
    int set_up(sd_bus* bus);
    void message_arrived(sd_bus_message* message);
    void finish_when_closed(const BusCall& call, base::Result<void> result);
    void name_answered(sd_bus_message* reply);
    void announce_changes();
    void announce_key(const wire::KeySignature& signature);
    void announce_module(const wire::PkiType& module);
    void plan_announcement();
    void signal_needed_secret(const wire::KeySignature& signature);
    void expect_token(const wire::KeySignature& signature);

    EventLoop& loop_;
    AgentParts parts_;
    BusLink link_;

    // Announces changes when the loop is idle: while they happen, the objects are half changed.
    EventLoop::Source announcement_;
    bool device_changed_ = false;
    std::set<wire::KeySignature> changed_keys_;
    std::set<wire::KeySignature> shown_keys_;
    std::set<wire::KeySignature> wanted_keys_;  // by requests, while locked
    std::set<wire::PkiType> changed_modules_;
    std::set<wire::PkiType> shown_modules_;
    std::map<wire::KeySignature, EventLoop::Source> awaited_tokens_;
    LogLimit signal_limit_;
};

}  // namespace ecryptfs::agent
