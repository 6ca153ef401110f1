// SPDX-License-Identifier: Apache-2.0
//
// A request from the kernel or a channel, from its frame to its reply. Every well-framed request is
// answered exactly once. Frames that get no answer are counted by the reason.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory_resource>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/keys/request_keys.h"
#include "agent/modules/key_hosts.h"
#include "agent/requests/reply_writer.h"
#include "agent/requests/request_slots.h"
#include "agent/requests/request_source.h"
#include "agent/runtime/log.h"
#include "agent/runtime/statistics.h"
#include "agent/runtime/time_source.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/device_frame.h"
#include "lib/wire/tag_packet.h"

namespace ecryptfs::agent {

class Requests : public FrameTaker {
  public:
    // More than these at once are refused: the kernel itself has 32 contexts by default.
    static constexpr std::size_t kMaxInFlight = 1024;

    // Borrows all of them. A request not done after `reply_within` is answered with a failure: less
    // than the kernel's ecryptfs_message_wait_timeout.
    Requests(TimeSource& time, RequestKeys& keys, KeyHosts& hosts, Places<RequestSlot> slots,
             std::chrono::milliseconds reply_within);

    // Borrows the writer until the source is removed. Replies to a source that is gone count as
    // late.
    void add_source(SourceNumber source, ReplyWriter& writer);
    void remove_source(SourceNumber source);

    base::ByteSpan room(SourceNumber source) override;
    bool take_frame(base::ByteView frame) override;
    void discard_frame() override;

    // Answers what an earlier process read from these sources and did not answer, and forgets what
    // it read from others: they are gone, or others have their numbers.
    void replay(const std::set<SourceNumber>& sources);

    // Called when a request fails as its key is locked, for a desktop to ask the user.
    void on_locked_key(std::function<void(const wire::KeySignature&)> wanted);

    const RequestCounts& counts() const { return counts_; }
    SourceCounts counts(SourceNumber source) const;
    std::size_t in_flight() const { return in_flight_.size() + followers_; }
    // Zero if there is none.
    Clock::duration oldest_age() const;
    // Latency of all requests that a module answered with success.
    const LatencyHistogram& latency(const wire::PkiType& module) const;

  private:
    // A request, and what is needed to answer it.
    struct InFlight {
        RequestSlot* slot = nullptr;  // says which source it is from
        std::uint32_t counter = 0;
        std::uint32_t index = 0;
        base::FileKeyOperation operation = base::FileKeyOperation::kDecrypt;
        Clock::time_point received;
        base::ByteView packet = {};  // in the slot
        std::size_t hash = 0;        // of the packet
        KeyRef key = {};
        std::vector<InFlight> followers = {};  // that ask the same, and get the same answer
    };

    struct Source {
        ReplyWriter* writer;
        SourceCounts counts;
    };

    bool take(RequestSlot& slot, base::ByteView frame);
    void handle(RequestSlot& slot, const wire::DeviceFrame& frame);
    InFlight* find_leader(const InFlight& request);
    void submit(InFlight request, const wire::RequestPacket& packet);
    InFlight take_in_flight(std::uint64_t id);
    void repeat(std::vector<InFlight> requests);
    void done(std::uint64_t id, const base::Result<JobResult>& result);
    void give_up(InFlight request, const base::Error& error);
    void succeed(const InFlight& request, const Key& key, base::ByteView data);
    void fail(const InFlight& request, const base::Error& why, std::string_view signature = "");
    void reply(const InFlight& request, std::uint8_t status, base::ByteView data);

    TimeSource& time_;
    std::map<SourceNumber, Source> sources_;
    RequestKeys& keys_;
    KeyHosts& hosts_;
    RequestSlots slots_;
    RequestSlot* next_ = nullptr;  // to be read into
    std::chrono::milliseconds reply_within_;
    std::function<void(const wire::KeySignature&)> locked_key_wanted_ =
        [](const wire::KeySignature& /*signature*/) {};
    RequestCounts counts_;
    std::map<wire::PkiType, LatencyHistogram> latency_;
    std::uint64_t last_id_ = 0;
    std::pmr::unsynchronized_pool_resource memory_;                          // of the next two
    std::pmr::map<std::uint64_t, InFlight> in_flight_{&memory_};             // the oldest first
    std::pmr::unordered_map<std::size_t, std::uint64_t> leaders_{&memory_};  // by packet's hash
    std::size_t followers_ = 0;
    LogLimit log_limit_;
    base::SecretBytes packet_;
    base::SecretBytes frame_;
};

}  // namespace ecryptfs::agent
