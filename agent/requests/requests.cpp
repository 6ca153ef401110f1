// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::FileKeyOperation;
using base::Result;

constexpr std::uint8_t kTag66 = 0x42;
// A request is not tried once more after this many processes died while they had it.
constexpr std::uint32_t kMaxReplays = 2;

static_assert(sizeof(RequestSlot::frame) > wire::kMaxRequestFrame &&
              sizeof(RequestSlot::frame) > wire::kMaxResponseFrame);
static_assert(Handover::kRequestSlots > Requests::kMaxInFlight);

// The kind of answer that the opener waits for, where the packet does not parse.
FileKeyOperation guess_operation(base::ByteView packet) {
    return !packet.empty() && packet.front() == kTag66 ? FileKeyOperation::kEncrypt
                                                       : FileKeyOperation::kDecrypt;
}

std::size_t packet_hash(base::ByteView packet) {
    return std::hash<std::string_view>{}(base::as_text(packet));
}

// The same error for each reason why decrypted bytes are not a file key. Whoever can tell wrong
// padding from a wrong checksum, in the reply or in the journal, can decrypt with a PKCS#1 v1.5
// key.
Error no_file_key_error() {
    return {ErrorCode::kDecryptFailed, std::string(base::traits(ErrorCode::kDecryptFailed).meaning),
            "check that the file was made with this key"};
}

// Judges what a module gave before the kernel gets it. Decryption with a wrong key succeeds once in
// a great while, and the kernel would take the noise for a file key.
Result<JobResult> check_result(FileKeyOperation operation, const Result<JobResult>& result) {
    if (!result) {
        return result.error().code == ErrorCode::kDecryptFailed
                   ? std::unexpected(no_file_key_error())
                   : result;
    }
    if (operation == FileKeyOperation::kDecrypt) {
        return wire::has_valid_checksum(result->output) ? result
                                                        : std::unexpected(no_file_key_error());
    }
    if (result->output.empty() || result->output.size() > wire::kMaxEncryptedFek) {
        return std::unexpected(Error{
            ErrorCode::kModuleFailed,
            fmt::format("the PKI module gave a file key of {} bytes", result->output.size())});
    }
    return result;
}

}  // namespace

Requests::Requests(TimeSource& time, RequestKeys& keys, KeyHosts& hosts, Places<RequestSlot> slots,
                   std::chrono::milliseconds reply_within)
    : time_(time),
      keys_(keys),
      hosts_(hosts),
      slots_(slots),
      reply_within_(reply_within),
      packet_(base::value_or_throw(base::SecretBytes::create(wire::kMaxResponseFrame))),
      frame_(base::value_or_throw(base::SecretBytes::create(wire::kMaxResponseFrame))) {}

void Requests::add_source(SourceNumber source, ReplyWriter& writer) {
    sources_[source] = {&writer, {}};
}

void Requests::remove_source(SourceNumber source) {
    sources_.erase(source);
}

SourceCounts Requests::counts(SourceNumber source) const {
    const auto found = sources_.find(source);
    return found == sources_.end() ? SourceCounts{} : found->second.counts;
}

void Requests::on_locked_key(std::function<void(const wire::KeySignature&)> wanted) {
    locked_key_wanted_ = std::move(wanted);
}

base::ByteSpan Requests::room(SourceNumber source) {
    if (next_ == nullptr) {
        next_ = &slots_.take();
    }
    next_->read_at = time_.now().time_since_epoch().count();
    next_->source = source;
    return next_->frame;
}

bool Requests::take_frame(base::ByteView frame) {
    return take(*std::exchange(next_, nullptr), frame);
}

void Requests::discard_frame() {
    slots_.give_back(*std::exchange(next_, nullptr));
}

void Requests::replay(const std::set<SourceNumber>& sources) {
    for (auto* slot : slots_.leftovers()) {
        if (!sources.contains(slot->source)) {
            slots_.give_back(*slot);
            continue;
        }
        ++slot->replays;
        take(*slot, base::ByteView(slot->frame).first(wire::frame_size(slot->frame)));
    }
}

// Whether the frame gets a reply.
bool Requests::take(RequestSlot& slot, base::ByteView bytes) {
    const auto frame = wire::decode_frame(bytes);
    if (frame && frame->type == wire::FrameType::kRequest && !frame->bare) {
        handle(slot, *frame);
        return true;
    }
    if (frame && frame->type == wire::FrameType::kRequest) {
        ++counts_.stale;
    } else {
        ++counts_.malformed;
        if (log_limit_.allows(time_.now())) {
            log_line(Priority::kWarning,
                     frame ? "a frame came that is not a request" : frame.error().message);
        }
    }
    slots_.give_back(slot);
    return false;
}

void Requests::handle(RequestSlot& slot, const wire::DeviceFrame& frame) {
    ++counts_.received;
    if (const auto source = sources_.find(slot.source); source != sources_.end()) {
        ++source->second.counts.received;
    }
    const auto packet = wire::parse_request_packet(frame.packet);
    InFlight request{.slot = &slot,
                     .counter = frame.counter,
                     .index = frame.index,
                     .operation = packet ? packet->operation : guess_operation(frame.packet),
                     .received = Clock::time_point(Clock::duration(slot.read_at)),
                     .packet = frame.packet,
                     .hash = packet_hash(frame.packet)};
    if (!packet) {
        fail(request, packet.error());
    } else if (slot.replays > kMaxReplays) {
        fail(request, {ErrorCode::kModuleFailed, "the agent died each time it was asked this"},
             packet->signature.text());
    } else if (in_flight() >= kMaxInFlight) {
        fail(request, {ErrorCode::kOverloaded, "too many requests at once"},
             packet->signature.text());
    } else {
        submit(std::move(request), *packet);
    }
}

// A request under way that asks the same: programs like to open one file several times at once.
Requests::InFlight* Requests::find_leader(const InFlight& request) {
    const auto leader = leaders_.find(request.hash);
    if (request.operation != FileKeyOperation::kDecrypt || leader == leaders_.end()) {
        return nullptr;
    }
    auto& candidate = in_flight_.at(leader->second);
    return std::ranges::equal(candidate.packet, request.packet) ? &candidate : nullptr;
}

void Requests::submit(InFlight request, const wire::RequestPacket& packet) {
    const auto& signature = packet.signature;
    const auto key = keys_.use_key(signature, packet.operation);
    if (!key) {
        if (key.error().code == ErrorCode::kKeyLocked) {
            locked_key_wanted_(signature);
        }
        fail(request, key.error(), signature.text());
        return;
    }
    if (auto* leader = find_leader(request)) {
        leader->followers.push_back(std::move(request));
        ++followers_;
        return;
    }
    const auto id = ++last_id_;
    const auto deadline = request.received + reply_within_;
    if (request.operation == FileKeyOperation::kDecrypt) {
        leaders_[request.hash] = id;
    }
    request.key = *key;
    in_flight_.emplace(id, std::move(request));
    // Its input is in the slot, which is ours until it is done.
    hosts_.submit({*key, packet.operation, packet.data, deadline,
                   [this, id](const Result<JobResult>& result) { done(id, result); }});
}

Requests::InFlight Requests::take_in_flight(std::uint64_t id) {
    auto request = std::move(in_flight_.extract(id).mapped());
    const auto leader = leaders_.find(request.hash);
    if (leader != leaders_.end() && leader->second == id) {
        leaders_.erase(leader);
    }
    followers_ -= request.followers.size();
    return request;
}

void Requests::done(std::uint64_t id, const Result<JobResult>& result) {
    auto request = take_in_flight(id);
    const auto output = check_result(request.operation, result);
    if (!output) {
        give_up(std::move(request), output.error());
        return;
    }
    succeed(request, *request.key, output->output);
    for (const auto& follower : request.followers) {
        succeed(follower, *request.key, output->output);
    }
}

void Requests::give_up(InFlight request, const Error& error) {
    const auto& signature = *request.key->signature;
    const auto why = keys_.record_failure(*request.key, error);
    if (why.code == ErrorCode::kKeyLocked) {
        locked_key_wanted_(signature);
    }
    fail(request, why, signature.text());
    if (why.code == ErrorCode::kTimedOut) {
        repeat(std::move(request.followers));  // they came later and have time left
        return;
    }
    for (const auto& follower : request.followers) {
        fail(follower, why, signature.text());
    }
}

void Requests::repeat(std::vector<InFlight> requests) {
    for (auto& request : requests) {
        const auto packet = wire::parse_request_packet(request.packet);
        submit(std::move(request), packet.value());  // it parsed before
    }
}

void Requests::succeed(const InFlight& request, const Key& key, base::ByteView data) {
    ++counts_.answered;
    reply(request, 0, data);
    const auto latency =
        std::chrono::duration_cast<std::chrono::microseconds>(time_.now() - request.received);
    latency_[key.module].add(latency);
    keys_.record_success(key, latency);
}

void Requests::fail(const InFlight& request, const Error& why, std::string_view signature) {
    ++counts_.failed[why.code];
    reply(request, base::traits(why.code).status, {});
    if (log_limit_.allows(time_.now())) {
        const auto* what = request.operation == FileKeyOperation::kDecrypt ? "decrypt" : "encrypt";
        const auto hint = why.advice.empty() ? "" : fmt::format(" (try: {})", why.advice);
        log_line(
            Priority::kWarning, fmt::format("cannot {} a file key: {}{}", what, why.message, hint),
            {{"ECRYPTFS_SIGNATURE", signature}, {"ECRYPTFS_ERROR", base::traits(why.code).name}});
    }
}

void Requests::reply(const InFlight& request, std::uint8_t status, base::ByteView data) {
    const auto packet =
        wire::encode_reply_packet({request.operation, status, data}, packet_.span());
    const auto frame =
        wire::encode_frame({.type = wire::FrameType::kResponse,
                            .counter = request.counter,
                            .index = request.index,
                            .packet = packet.value()},  // fits: check_result() saw to it
                           frame_.span());
    const auto source = sources_.find(request.slot->source);
    if (source != sources_.end()) {
        auto& counts = source->second.counts;
        ++(status == 0 ? counts.answered : counts.failed);
    }
    if (source == sources_.end() ||
        source->second.writer->write(frame.value()) == WriteOutcome::kRefused) {
        ++counts_.late;
    }
    ::explicit_bzero(packet_.span().data(), packet_.size());
    ::explicit_bzero(frame_.span().data(), frame_.size());
    slots_.give_back(*request.slot);  // only now: a duplicate reply is harmless, a lost one is not
}

const LatencyHistogram& Requests::latency(const wire::PkiType& module) const {
    static const LatencyHistogram none;
    const auto found = latency_.find(module);
    return found == latency_.end() ? none : found->second;
}

Clock::duration Requests::oldest_age() const {
    return in_flight_.empty() ? Clock::duration(0)
                              : time_.now() - in_flight_.begin()->second.received;
}

}  // namespace ecryptfs::agent
