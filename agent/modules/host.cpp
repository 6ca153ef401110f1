// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>
#include <vector>

#include "lib/base/printable.h"
#include "lib/base/shell_word.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;

// How long a process may take over one thing.
constexpr Clock::duration kOpenLimit = 30s;
constexpr Clock::duration kTypingLimit = 100s;  // a PIN, at the device
constexpr auto kGreetingLimit = 5s;
constexpr int kMaxAttempts = 2;
constexpr auto kTick = 100ms;
// Jobs that a thread of the process is given at once: keeps it busy while an answer is on its way,
// and spares both sides most wake-ups where a job takes less time than those. What was given cannot
// be taken back, so no more than is done soon.
constexpr std::size_t kLeastAtOnce = 2;
constexpr std::size_t kMostAtOnce = 8;
constexpr Clock::duration kSoon = 1ms;
constexpr std::uint32_t kMaxThreads = 64;
// A module that cannot be loaded is not tried again for this long.
constexpr auto kRefusalHolds = 5s;
// For a process that was told to end, to close its keys and go.
constexpr auto kTimeToEnd = 2s;
constexpr int kLossesWithoutDelay = 3;
constexpr Clock::duration kLastDelay = 10s;

Error locked_error() {
    return {ErrorCode::kKeyLocked, "the key was locked"};
}

Error late_error() {
    return {ErrorCode::kTimedOut, "the PKI module gave no answer in time"};
}

// What tells that a module cannot be used. Other codes would say something of a key or a request.
ErrorCode refusal_code(ErrorCode code) {
    return code == ErrorCode::kUnknownModule || code == ErrorCode::kMemoryLock
               ? code
               : ErrorCode::kModuleFailed;
}

Clock::duration delay_after(int losses_in_a_row) {
    const int beyond = losses_in_a_row - kLossesWithoutDelay;
    return beyond < 0 ? 0s
                      : std::min<Clock::duration>(100ms * (1 << std::min(beyond, 10)), kLastDelay);
}

}  // namespace

Host::Host(EventLoop& loop, HostSettings settings, wire::PkiType module,
           std::function<void()> changed)
    : loop_(loop),
      settings_(std::move(settings)),
      module_(std::move(module)),
      changed_(std::move(changed)),
      ticks_(loop.timer(10ms, [this] { tick(); })) {}

void Host::submit(Job job) {
    idle_since_.reset();
    tick_soon();
    pending_.push_back(std::move(job));
    pump();
}

void Host::close_key(const Key& key) {
    const bool is_open = keys_.is_open(key.id);
    if (keys_.erase(key.id)) {
        closing_.add(key.id, Clock::now());
        tick_soon();  // to see that it is closed; and maybe nothing keeps the process now
    }
    if (is_open) {  // else finish_open() tells it: no sooner is there a key
        tell_to_close(key);
    }
    for (auto& [id, sent] : sent_) {
        if (sent.job.key->id == key.id) {
            sent.job.attempts = kMaxAttempts;  // if it is lost: that would open the key again
        }
    }
    fail_pending([&](const Job& job) { return job.key->id == key.id; }, locked_error());
}

void Host::join(const std::shared_ptr<CloseWait>& wait) {
    if (retired_) {
        retired_->end();  // it has its keys until it ends
    }
    closing_.join(wait);
}

pid_t Host::finish() {
    if (!connection_) {
        return 0;
    }
    connection_->finish();
    return connection_->pid();
}

// The process must not keep it: if it cannot be told, it ends, and the key with it.
void Host::tell_to_close(const Key& key) {
    closing_.asked(key.id);
    if (!connection_->send(pki::CloseKey{key.id})) {
        connection_lost({ErrorCode::kModuleFailed, "the PKI host takes no messages"});
    }
}

void Host::pump() {
    if (!connection_ && Clock::now() < connect_not_before_) {
        if (refusal_) {
            fail_pending([](const Job& /*job*/) { return true; }, *refusal_);
        }
        return;
    }
    if (!connection_ && !pending_.empty()) {
        connect();
    }
    if (connection_ && greeted_) {
        send_pending();
    }
}

// When more is asked for than can be done in time, what is begun should be in time: else nothing
// is.
bool Host::is_hopeless(const Job& job, Clock::time_point now) const {
    return job.action && now + times_.usual() > job.deadline;
}

// How many jobs the process may have. After a loss only one, to tell which of them it was.
std::size_t Host::window() const {
    if (losses_in_a_row_ > 0) {
        return 1;
    }
    const auto usual = times_.usual();
    const auto soon = usual > 0s ? static_cast<std::size_t>(kSoon / usual) : 0;
    return threads_ * std::clamp(soon, kLeastAtOnce, kMostAtOnce);
}

void Host::send_pending() {
    std::vector<Job> hopeless;
    const auto now = Clock::now();
    const auto most = window();
    auto job = pending_.begin();
    while (job != pending_.end() && sent_.size() < most) {
        const auto key = job->key->id;
        if (is_hopeless(*job, now)) {
            hopeless.push_back(std::move(*job));
            job = pending_.erase(job);
        } else if (job->action && !keys_.has(key)) {
            Job open{job->key, {}, {}, now + kOpenLimit, {}};
            if (!send_job(open)) {
                break;
            }
        } else if (job->action && !keys_.is_open(key)) {
            ++job;
        } else if (send_job(*job)) {
            job = pending_.erase(job);
        } else {
            break;
        }
    }
    mark_started();
    for (auto& late : hopeless) {  // last, as done() may submit others
        late.done(std::unexpected(late_error()));
    }
}

// Moves the job to those that were sent. False if the process takes no more for now: an answer of
// its, which there must be, brings us back here.
bool Host::send_job(Job& job) {
    const auto& key = *job.key;
    const std::uint64_t id = ++last_id_;
    pki::ToHost message;
    if (job.action) {
        message = pki::KeyOperation{id, key.id, *job.action, job.input};
    } else {
        auto secret = key.secret ? std::optional(key.secret->view()) : std::nullopt;
        if (job.at_device) {
            secret.emplace();  // none, but a person waits at its PIN pad
        }
        message = pki::OpenKey{id, key.id, key.use, key.locator, secret};
    }
    if (!connection_->send(message)) {
        return false;
    }
    if (!job.action) {
        keys_.opening(key.id);
    }
    sent_.emplace(id, Sent{std::move(job), std::nullopt});
    return true;
}

// The process takes messages in order, one a thread.
void Host::mark_started() {
    std::uint32_t working = 0;
    for (auto& [id, sent] : sent_) {
        if (working++ == threads_) {
            return;
        }
        if (!sent.started) {
            sent.started = Clock::now();
        }
    }
}

void Host::message_arrived(const pki::FromHost& message) {
    std::visit([this](const auto& one) { handle(one); }, message);
}

// The module's or its libraries', and for people only.
void Host::text_arrived(std::string_view text) {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty() || !text_limit_.allows()) {
            continue;
        }
        std::string shown(line.size(), '\0');
        shown.resize(base::put_printable(shown, line));
        log_line(Priority::kNotice, fmt::format("module {} wrote: {}", module_.text(), shown),
                 {{"ECRYPTFS_MODULE", module_.text()}});
    }
}

// An honest one says nothing that it was not asked for.
void Host::end_unreliable_process() {
    connection_lost({ErrorCode::kModuleFailed, "the PKI host sent what nobody asked for"});
}

void Host::handle(const pki::Hello& message) {
    if (greeted_) {
        end_unreliable_process();
        return;
    }
    if (message.protocol_version != pki::kHostProtocolVersion) {
        refuse_for(kRefusalHolds, {ErrorCode::kModuleFailed,
                                   "ecryptfs-pki-host is of another version than the agent",
                                   "restart the agent: systemctl --user restart ecryptfs-agent"});
        return;
    }
    greeted_ = true;
    start_took_ = Clock::now() - connected_at_;
    threads_ = std::clamp(message.threads, 1U, kMaxThreads);
    info_.version = message.version;
    info_.description = message.description;
    changed_();
}

void Host::handle(const pki::Refusal& message) {
    auto why = pki::to_error(message);
    why.code = refusal_code(why.code);
    refuse_for(kRefusalHolds, std::move(why));
}

void Host::handle(const pki::Closed& message) {
    if (!closing_.closed(message.key)) {
        end_unreliable_process();
    }
}

void Host::handle(const pki::Item& /*message*/) {
    end_unreliable_process();
}

void Host::handle(const pki::Opened& message) {
    auto job = take_sent(message.id);
    if (!job) {
        return;
    }
    const auto signature = wire::KeySignature::from_text(message.signature);
    const auto& expected = job->key->signature;
    if (!signature) {
        finish_open(std::move(*job), std::unexpected(signature.error()));
    } else if (expected && *expected != *signature) {
        const auto& locator = job->key->locator;
        Error other_key{ErrorCode::kInvalidKey,
                        fmt::format("{} now holds another key, {}", locator, signature->text()),
                        fmt::format("put the old key back, or add the new one: ecryptfsctl "
                                    "add-key {}",
                                    base::shell_word(locator))};
        finish_open(std::move(*job), std::unexpected(std::move(other_key)));
    } else {
        finish_open(std::move(*job), JobResult{{}, *signature, message.warning, message.locator});
    }
}

void Host::handle(const pki::Done& message) {
    auto job = take_sent(message.id);
    if (job && !job->action) {
        finish_open(std::move(*job),
                    std::unexpected(Error{ErrorCode::kModuleFailed,
                                          "the PKI host opened a key and did not say which"}));
    } else if (job && job->done) {
        job->done(JobResult{message.output, {}, {}, {}});
    }
}

void Host::handle(const pki::Failed& message) {
    auto job = take_sent(message.id);
    if (!job) {
        return;
    }
    const auto why = pki::to_error(message.why);
    const bool at_device = message.why.code == ErrorCode::kSecretAtDevice && !job->at_device;
    if (!job->action && job->done && at_device && keys_.has(job->key->id)) {
        job->at_device = true;  // somebody waits, so it may ask
        keys_.erase(job->key->id);
        pending_.push_front(std::move(*job));
    } else if (!job->action) {
        fail_open(std::move(*job), why);
    } else if (job->done) {
        // A thread that closes the key may be faster than the one that was to work with it.
        job->done(std::unexpected(keys_.has(job->key->id) ? why : locked_error()));
    }
}

std::optional<Job> Host::take_sent(std::uint64_t id) {
    auto node = sent_.extract(id);
    if (node.empty()) {
        end_unreliable_process();
        return std::nullopt;
    }
    losses_in_a_row_ = 0;
    mark_started();
    const auto& [job, started] = node.mapped();
    if (job.action && started) {
        times_.done_after(Clock::now() - *started);
    }
    return std::move(node.mapped().job);
}

// The process has the key now.
void Host::finish_open(Job job, const Result<JobResult>& result) {
    const bool wanted = keys_.has(job.key->id);  // not closed in the meantime
    if (wanted && result) {
        keys_.opened(job.key->id, job.at_device);
    } else {
        keys_.erase(job.key->id);
        closing_.add(job.key->id, Clock::now());
        tick_soon();
        tell_to_close(*job.key);
    }
    report_open(std::move(job), wanted ? result : std::unexpected(locked_error()));
}

// The process says that it has no key, so there is none to close but from before.
void Host::fail_open(Job job, const Error& why) {
    const bool wanted = keys_.erase(job.key->id);
    closing_.not_opened(job.key->id);
    report_open(std::move(job), std::unexpected(wanted ? why : locked_error()));
}

void Host::report_open(Job job, const Result<JobResult>& outcome) {
    if (job.done) {
        job.done(outcome);
    }
    if (!outcome) {
        fail_pending([&](const Job& other) { return other.key->id == job.key->id; },
                     outcome.error());
    }
}

void Host::connect() {
    try {
        HostConnectionUser& user = *this;
        connection_ =
            std::make_unique<HostConnection>(loop_, user, settings_.paths, module_.text());
    } catch (const base::Failure& failure) {
        refuse_for(1s, failure.error());
        return;
    }
    refusal_.reset();
    connected_at_ = Clock::now();
    info_.pid = connection_->pid();
    info_.started_at = std::chrono::system_clock::now();
    changed_();
}

void Host::disconnect() {
    if (connection_) {
        connection_->end();
        retired_ = std::move(connection_);
    }
    greeted_ = false;
    keys_ = {};
    closing_.process_ended();
    info_.pid = 0;
    changed_();
}

void Host::refuse_for(Clock::duration time, Error why) {
    log_line(Priority::kError, fmt::format("module {}: {}", module_.text(), why.message),
             {{"ECRYPTFS_MODULE", module_.text()}});
    disconnect();
    connect_not_before_ = Clock::now() + time;
    refusal_ = std::move(why);
    for (auto& [id, sent] : std::exchange(sent_, {})) {
        if (sent.job.done) {
            pending_.push_back(std::move(sent.job));
        }
    }
    fail_pending([](const Job& /*job*/) { return true; }, *refusal_);
}

void Host::connection_lost(const Error& why) {
    if (!greeted_ && !why.advice.empty()) {
        refuse_for(kRefusalHolds, why);
        return;
    }
    log_line(Priority::kWarning,
             fmt::format("module {}: {}; another will take its place", module_.text(), why.message),
             {{"ECRYPTFS_MODULE", module_.text()}});
    disconnect();
    ++info_.restarts;
    connect_not_before_ = Clock::now() + delay_after(++losses_in_a_row_);
    auto unfinished = std::move(sent_);
    sent_.clear();
    for (auto& [id, sent] : std::views::reverse(unfinished)) {
        sent.job.attempts += sent.started ? 1 : 0;
        retry_or_fail(std::move(sent.job), why);
    }
    fail_pending([](const Job& job) { return job.lost_opens >= kMaxAttempts; }, why);
    pump();
}

// An open may have cost one of a card's few attempts: one that a person waits for is not repeated,
// one for requests once. An operation that nobody waits for any more says nothing of its key.
void Host::retry_or_fail(Job job, const Error& why) {
    if (!job.action && !job.done) {
        for (auto& waiting : pending_) {
            waiting.lost_opens += waiting.key->id == job.key->id ? 1 : 0;
        }
    } else if (job.action && job.done && job.attempts < kMaxAttempts) {
        pending_.push_front(std::move(job));
    } else if (job.done) {
        job.done(std::unexpected(why));
    }
}

// Once set, the timer is left alone: to set it for each job would cost a system call each.
void Host::tick_soon() {
    if (!std::exchange(ticking_, true)) {
        ticks_.run_after(kTick);
    }
}

void Host::tick() {
    ticking_ = false;
    const auto now = Clock::now();
    if (has_hung(now)) {
        times_.given_up();
        connection_lost({ErrorCode::kModuleFailed, "the PKI host gave no answer in time"});
    }
    if (is_late_to_close(now)) {
        connection_lost({ErrorCode::kModuleFailed, "the PKI host did not close a key in time"});
    }
    expire_jobs(now);
    pump();
    if (!pending_.empty() || !sent_.empty() || !closing_.empty()) {
        tick_soon();
    } else {
        rest(now);
    }
}

// Nothing is asked for. The process goes when that has lasted, unless its place could not be taken
// unnoticed.
void Host::rest(Clock::time_point now) {
    ticking_ = false;  // a tick that was asked for meanwhile finds no more than this one
    retired_.reset();  // has had its time to end
    if (!connection_ || !greeted_ || !keys_.can_be_opened_again(start_took_)) {
        return;
    }
    const auto ends_at = idle_since_.emplace(idle_since_.value_or(now)) + settings_.idle_time;
    if (now < ends_at) {
        ticks_.run_after(ends_at - now);
        return;
    }
    connection_->finish();
    retired_ = std::move(connection_);
    disconnect();
    ticks_.run_after(kTimeToEnd);
}

bool Host::has_hung(Clock::time_point now) const {
    if (connection_ && !greeted_) {
        return now - connected_at_ > kGreetingLimit;
    }
    const auto opens_at_device = [](const auto& entry) {
        return !entry.second.job.action && entry.second.job.at_device;
    };
    // Meanwhile some libraries do nothing else.
    const bool somebody_types = std::ranges::any_of(sent_, opens_at_device);
    return std::ranges::any_of(sent_, [&](const auto& entry) {
        const auto& [job, started] = entry.second;
        const auto limit = somebody_types ? kTypingLimit : job.action ? times_.limit() : kOpenLimit;
        return started && now - *started > limit;
    });
}

// What is asked of the process has limits of its own, and some libraries close no key meanwhile: a
// key that expires must not cost the PIN that somebody types for another.
bool Host::is_late_to_close(Clock::time_point now) const {
    return closing_.is_late(now, sent_.empty() ? ClosingKeys::kLimit : kTypingLimit);
}

void Host::expire_jobs(Clock::time_point now) {
    const auto late = late_error();
    fail_pending([&](const Job& job) { return job.deadline < now; }, late);
    std::vector<decltype(Job::done)> waiting;
    for (auto& [id, sent] : sent_) {
        if (sent.job.deadline < now && sent.job.done) {
            waiting.push_back(std::exchange(sent.job.done, {}));  // the process goes on with it
        }
    }
    for (auto& done : waiting) {  // after that, as done() may submit others or end the process
        done(std::unexpected(late));
    }
}

template <typename Matches>
void Host::fail_pending(Matches matches, const Error& why) {
    std::pmr::deque<Job> kept(&memory_);
    std::vector<Job> failed;
    for (auto& job : pending_) {
        if (matches(job)) {
            failed.push_back(std::move(job));
        } else {
            kept.push_back(std::move(job));
        }
    }
    pending_ = std::move(kept);
    for (auto& job : failed) {  // after that, as done() may submit others
        job.done(std::unexpected(why));
    }
}

}  // namespace ecryptfs::agent
