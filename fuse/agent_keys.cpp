// SPDX-License-Identifier: Apache-2.0

#include "fuse/agent_keys.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "lib/base/try.h"
#include "lib/dbus/agent_bus.h"
#include "lib/dbus/message.h"
#include "lib/dbus/names.h"

namespace ecryptfs::fuse {
namespace {

using base::Result;
using namespace std::chrono_literals;

// The bus starts the agent within this time, or gives up.
constexpr auto kCallLimit = 25s;

Result<base::UniqueFd> open_channel() {
    auto bus = TRY(dbus::AgentBus::connect());
    const auto reply =
        TRY(bus.call({dbus::kManagerPath, dbus::kManagerInterface, "OpenChannel"}, kCallLimit,
                     [](dbus::MessageWriter& arguments) {
                         arguments.write_number(static_cast<std::int32_t>(::getpid()));
                     }));
    // The message closes its own.
    dbus::MessageReader reader(reply.get());
    base::UniqueFd channel(::fcntl(reader.read_descriptor(), F_DUPFD_CLOEXEC, 0));
    if (!channel) {
        return std::unexpected(base::system_error("the channel to the agent", errno));
    }
    return channel;
}

}  // namespace

AgentKeys::AgentKeys(channel::KeyChannel::TakeNote take_note)
    : channel_(open_channel, std::move(take_note)) {}

}  // namespace ecryptfs::fuse
