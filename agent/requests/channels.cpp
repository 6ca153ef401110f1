// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/channels.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "agent/runtime/log.h"
#include "agent/runtime/time_limits.h"
#include "lib/base/number.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;

constexpr std::string_view kNamePrefix = "channel-";

// In the store: the number is that of the requests in Handover, the process is shown to people.
std::string stored_name(SourceNumber number, pid_t client) {
    return fmt::format("{}{}-{}", kNamePrefix, number, client);
}

struct StoredName {
    SourceNumber number;
    pid_t client;
};

std::optional<StoredName> parse_stored_name(std::string_view name) {
    if (!name.starts_with(kNamePrefix)) {
        return std::nullopt;
    }
    name.remove_prefix(kNamePrefix.size());
    const auto dash = name.find('-');
    if (dash == std::string_view::npos) {
        return std::nullopt;
    }
    const auto number = base::parse_number<SourceNumber>(name.substr(0, dash));
    const auto client = base::parse_number<pid_t>(name.substr(dash + 1));
    return number && client && *number != kDeviceSource
               ? std::optional(StoredName{*number, *client})
               : std::nullopt;
}

}  // namespace

Channels::Channels(EventLoop& loop, DescriptorStore& store, Requests& requests)
    : loop_(loop), store_(store), requests_(requests) {}

bool Channels::adopt(std::string_view name, base::UniqueFd fd) {
    const auto stored = parse_stored_name(name);
    if (!stored) {
        return false;
    }
    last_channel_ = std::max(last_channel_, stored->number);
    add(stored->number, stored->client, std::move(fd));
    return true;
}

Result<base::UniqueFd> Channels::open(pid_t client) {
    if (channels_.size() >= kMaxChannels) {
        return std::unexpected(
            Error{ErrorCode::kOverloaded,
                  fmt::format("{} programs have a channel to the agent already", kMaxChannels),
                  "unmount a folder"});
    }
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return std::unexpected(base::system_error("a channel", errno));
    }
    base::UniqueFd theirs(ends[1]);
    add(++last_channel_, client, base::UniqueFd(ends[0]));
    log_line(Priority::kInfo, fmt::format("process {} has opened a channel", client));
    return theirs;
}

void Channels::add(SourceNumber number, pid_t client, base::UniqueFd fd) {
    auto stream = std::make_unique<FrameStream>(
        loop_, std::move(fd),
        FrameStream::Owner{
            .room = [this, number] { return requests_.room(number); },
            .take_frame = [this, number](auto frame) { return take_frame(number, frame); },
            .lost = [this, number](const std::string& /*why*/) { lost(number); }},
        kMostUnanswered);
    store_.put(stored_name(number, client), stream->fd());
    requests_.add_source(number, *stream);
    channels_[number] = {client, last_note_, std::move(stream)};
}

// A program that sends what is no request is broken: it would wait for ever for a reply.
bool Channels::take_frame(SourceNumber number, base::ByteView frame) {
    if (channel::is_note(frame)) {
        take_note(number, frame);
        requests_.discard_frame();
        return false;
    }
    const bool is_request = requests_.take_frame(frame);
    if (!is_request) {
        channels_.at(number).stream->lose("it sent something that is not a request");
    }
    return is_request;
}

void Channels::take_note(SourceNumber number, base::ByteView bytes) {
    const auto note = channel::parse_note(bytes);
    if (note && note->type == channel::NoteType::kConfirmed) {
        channels_.at(number).confirmed = note->number;
        finish_waiting();
    }
}

// The stream that says so is still at work: it goes when the loop is idle.
void Channels::lost(SourceNumber number) {
    auto& gone = channels_.at(number);
    log_line(Priority::kInfo, fmt::format("the channel of process {} is closed", gone.client));
    store_.remove(stored_name(number, gone.client));
    requests_.remove_source(number);
    finish_waiting();
    if (!cleaning_) {
        cleaning_ = loop_.when_idle([this] {
            cleaning_ = {};
            std::erase_if(channels_,
                          [](const auto& channel) { return !channel.second.stream->is_open(); });
        });
    }
}

void Channels::tell(channel::Note what) {
    what.number = ++last_note_;
    auto buffer = base::value_or_throw(base::SecretBytes::create(channel::kMaxNote));
    const auto note = channel::encode_note(what, buffer.span());
    for (const auto& [number, channel] : channels_) {
        if (channel.stream->is_open() && channel.stream->send(note) == WriteOutcome::kRefused) {
            log_line(Priority::kWarning,
                     fmt::format("cannot tell process {} of a key's state", channel.client));
        }
    }
}

bool Channels::all_confirmed(std::uint32_t number) const {
    return std::ranges::all_of(channels_, [&](const auto& channel) {
        return !channel.second.stream->is_open() || channel.second.confirmed >= number;
    });
}

void Channels::when_confirmed(std::move_only_function<void(Result<void>)> done) {
    const auto id = ++last_waiting_;
    auto& waiting = waiting_[id];
    waiting.number = last_note_;
    waiting.done = std::move(done);
    waiting.timeout = loop_.timer(100ms, [this, id] { give_up(id); });
    waiting.timeout.run_after(kConfirmLimit);
    finish_waiting();
}

void Channels::finish_waiting() {
    for (auto next = waiting_.begin(); next != waiting_.end();) {
        if (!all_confirmed(next->second.number)) {
            ++next;
            continue;
        }
        auto done = std::move(next->second.done);
        next = waiting_.erase(next);
        done({});
    }
}

void Channels::give_up(std::uint64_t id) {
    auto waiting = std::move(waiting_.extract(id).mapped());
    const auto late = std::ranges::find_if(channels_, [&](const auto& channel) {
        return channel.second.stream->is_open() && channel.second.confirmed < waiting.number;
    });
    waiting.done(
        std::unexpected(Error{ErrorCode::kTimedOut,
                              fmt::format("process {} does not say that it has forgotten its keys",
                                          late == channels_.end() ? 0 : late->second.client),
                              "unmount its folder, or end the process"}));
}

std::vector<ChannelInfo> Channels::list() const {
    std::vector<ChannelInfo> list;
    for (const auto& [number, channel] : channels_) {
        if (channel.stream->is_open()) {
            list.push_back({number, channel.client, requests_.counts(number)});
        }
    }
    return list;
}

std::set<SourceNumber> Channels::numbers() const {
    std::set<SourceNumber> numbers;
    for (const auto& [number, channel] : channels_) {
        numbers.insert(number);
    }
    return numbers;
}

}  // namespace ecryptfs::agent
