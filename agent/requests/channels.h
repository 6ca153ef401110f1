// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/requests/descriptor_store.h"
#include "agent/requests/frame_stream.h"
#include "agent/requests/requests.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/channel/channel_note.h"

namespace ecryptfs::agent {

// What the bus shows of a channel.
struct ChannelInfo {
    SourceNumber number = 0;
    pid_t client = 0;  // the process that opened it
    SourceCounts counts;
};

// The sources of requests beside the kernel's device: programs of the same user, each with a
// socket of its own (lib/channel/channel_note.h). The service manager keeps the sockets over a
// restart, as it keeps the device.
class Channels {
  public:
    static constexpr std::size_t kMaxChannels = 32;
    // Of one channel: further requests wait in its socket, so that it leaves room for others.
    static constexpr std::size_t kMostUnanswered = 64;

    // Borrows all.
    Channels(EventLoop& loop, DescriptorStore& store, Requests& requests);

    // Goes on with a channel of an earlier process, by its name in the store. False for the name of
    // something else.
    bool adopt(std::string_view name, base::UniqueFd fd);
    // The client's end of a new channel. `client` is for people to see. kOverloaded when there are
    // too many.
    base::Result<base::UniqueFd> open(pid_t client);

    // Tells all channels that a key, or all of them if there is none, was locked or unlocked.
    void tell(channel::NoteType type, const std::optional<wire::KeySignature>& signature) {
        tell(channel::Note{.type = type, .signature = signature});
    }
    // The number is given here.
    void tell(channel::Note note);
    // Calls back when each channel has confirmed what it was told until now, or is gone. kTimedOut
    // for one that does not confirm within kConfirmLimit.
    void when_confirmed(std::move_only_function<void(base::Result<void>)> done);

    std::vector<ChannelInfo> list() const;
    std::set<SourceNumber> numbers() const;

  private:
    struct Channel {
        pid_t client = 0;
        std::uint32_t confirmed = 0;  // the last note
        std::unique_ptr<FrameStream> stream = {};
    };
    // Somebody who waits for notes up to this number.
    struct Waiting {
        std::uint32_t number = 0;
        std::move_only_function<void(base::Result<void>)> done;
        EventLoop::Source timeout = {};
    };

    void add(SourceNumber number, pid_t client, base::UniqueFd fd);
    bool take_frame(SourceNumber number, base::ByteView frame);
    void take_note(SourceNumber number, base::ByteView bytes);
    void lost(SourceNumber number);
    bool all_confirmed(std::uint32_t number) const;
    void finish_waiting();
    void give_up(std::uint64_t waiting);

    EventLoop& loop_;
    DescriptorStore& store_;
    Requests& requests_;
    std::map<SourceNumber, Channel> channels_;
    std::map<std::uint64_t, Waiting> waiting_;
    SourceNumber last_channel_ = kDeviceSource;
    std::uint32_t last_note_ = 0;
    std::uint64_t last_waiting_ = 0;
    EventLoop::Source cleaning_;
};

}  // namespace ecryptfs::agent
