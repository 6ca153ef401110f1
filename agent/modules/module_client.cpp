// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/module_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/runtime/time_limits.h"
#include "lib/base/printable.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;

constexpr auto kTick = 100ms;

// Only these codes say that a module cannot be used. Others would say something of a key or a
// request.
ErrorCode refusal_code(ErrorCode code) {
    return code == ErrorCode::kUnknownModule || code == ErrorCode::kMemoryLock
               ? code
               : ErrorCode::kModuleFailed;
}

Error wrong_answer_error() {
    return {ErrorCode::kModuleFailed, "the PKI host gave an answer of the wrong kind"};
}

// What was opened, if it is the key that was meant.
Result<JobResult> check_opened(const Key& key, const pki::Opened& opened) {
    if (const auto kind = opened.public_key.kind; kind != pki::PublicKeyKind::kRsa) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("this is a key of the curve {}; the kernel's eCryptfs uses RSA keys",
                              pki::curve_name(kind)),
                  base::folder_key_advice()});
    }
    const auto signature = TRY(wire::KeySignature::from_text(opened.signature));
    if (key.signature && *key.signature != signature) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("{} now holds another key, {}", key.locator, signature.text()),
                  base::changed_key_advice(key.locator)});
    }
    return JobResult{{}, signature, opened.warning, opened.locator};
}

}  // namespace

ModuleClient::ModuleClient(TimeSource& time, HostLauncher& launcher, Clock::duration idle_time,
                           wire::PkiType module, std::function<void()> changed)
    : time_(time),
      changed_(std::move(changed)),
      process_(launcher, *this, std::move(module), idle_time),
      queue_(*this),
      ticks_(time.make_timer(10ms, [this] { tick(); })) {}

void ModuleClient::submit(Job job) {
    process_.interrupt_rest();
    tick_soon();
    queue_.add(std::move(job));
    pump();
}

void ModuleClient::close_key(const Key& key) {
    const auto state = queue_.release_key(key.id);
    if (state != JobQueue::KeyState::kNone) {
        add_closing(key);
    }
    if (state == JobQueue::KeyState::kOpen) {  // else finish_open() does: there is no key yet
        ask_to_close(key);
    }
    queue_.fail_key_jobs(key.id, key_locked_error());
}

void ModuleClient::add_wait(const std::shared_ptr<CloseWait>& wait) {
    process_.kill_retired();  // it has its keys until it ends
    closing_.add_wait(wait);
}

bool ModuleClient::is_out_of_use() const {
    const bool is_idle = queue_.empty() && closing_.empty();
    const bool has_no_key = process_.is_greeted() && queue_.keys().empty();
    return is_idle && (process_.refusal() || !process_.exists() || has_no_key);
}

void ModuleClient::add_closing(const Key& key) {
    closing_.add(key.id, time_.now());
    tick_soon();  // to see that it is closed; and maybe nothing keeps the process now
}

// The process must not keep the key: if it cannot be asked to close it, the process ends, and the
// key with it.
void ModuleClient::ask_to_close(const Key& key) {
    closing_.record_request(key.id);
    if (!process_.send(pki::CloseKey{key.id})) {
        connection_lost({ErrorCode::kModuleFailed, "the PKI host takes no messages"});
    }
}

void ModuleClient::pump() {
    const auto now = time_.now();
    if (process_.may_start(now) && queue_.has_pending()) {
        start_process();
    } else if (!process_.is_running() && process_.refusal()) {
        queue_.fail_all(Error(*process_.refusal()));
    }
    if (process_.is_greeted()) {
        queue_.send_jobs(now);
    }
}

bool ModuleClient::send_job(std::uint64_t id, const Job& job) {
    const auto& key = *job.key;
    if (job.action) {
        return process_.send(pki::KeyOperation{id, key.id, *job.action, job.input});
    }
    base::SecretEntry secret;
    if (job.at_device) {
        secret = base::EntryAtDevice{};
    } else if (key.secret) {
        secret = base::TypedSecret{key.secret->view()};
    }
    return process_.send(pki::OpenKey{id, key.id, key.use, key.locator, secret});
}

void ModuleClient::message_arrived(const pki::FromHost& message) {
    std::visit([this](const auto& one) { handle(one); }, message);
}

// The module or its libraries wrote it, and for people only.
void ModuleClient::text_arrived(std::string_view text) {
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty() || !text_limit_.allows(time_.now())) {
            continue;
        }
        std::string shown(line.size(), '\0');
        shown.resize(base::put_printable(shown, line));
        log(Priority::kNotice, fmt::format(" wrote: {}", shown));
    }
}

// An honest process says nothing that it was not asked.
void ModuleClient::end_unreliable_process() {
    connection_lost({ErrorCode::kModuleFailed, "the PKI host sent what nobody asked for"});
}

void ModuleClient::handle(const pki::Hello& message) {
    if (process_.is_greeted()) {
        end_unreliable_process();
        return;
    }
    if (message.protocol_version != pki::kHostProtocolVersion) {
        refuse_jobs(kRefusalTime, {ErrorCode::kModuleFailed,
                                   "ecryptfs-pki-host is of another version than the agent",
                                   "restart the agent: systemctl --user restart ecryptfs-agent"});
        return;
    }
    process_.accept_greeting(message, time_.now());
    queue_.set_threads(message.threads);
    changed_();
}

void ModuleClient::handle(const pki::Refusal& message) {
    auto why = pki::to_error(message);
    why.code = refusal_code(why.code);
    refuse_jobs(kRefusalTime, why);
}

void ModuleClient::handle(const pki::Closed& message) {
    if (!closing_.record_close(message.key)) {
        end_unreliable_process();
    }
}

void ModuleClient::handle(const pki::Item& /*message*/) {
    end_unreliable_process();
}

void ModuleClient::handle(const pki::Opened& message) {
    auto job = take_answered(message.id);
    if (job && job->action) {
        queue_.finish_operation(*job, std::unexpected(wrong_answer_error()));
    } else if (job) {
        const auto result = check_opened(*job->key, message);
        finish_open(std::move(*job), result);
    }
}

void ModuleClient::handle(const pki::Done& message) {
    auto job = take_answered(message.id);
    if (job && job->action) {
        queue_.finish_operation(*job, JobResult{message.output, {}, {}, {}});
    } else if (job) {
        finish_open(std::move(*job), std::unexpected(wrong_answer_error()));
    }
}

void ModuleClient::handle(const pki::Failed& message) {
    auto job = take_answered(message.id);
    if (!job) {
        return;
    }
    const auto why = pki::to_error(message.why);
    if (job->action) {
        queue_.finish_operation(*job, std::unexpected(why));
    } else if (why.code != ErrorCode::kSecretAtDevice || !queue_.reopen_at_device(*job)) {
        fail_open(std::move(*job), why);
    }
}

std::optional<Job> ModuleClient::take_answered(std::uint64_t id) {
    auto job = queue_.take_answered(id, time_.now());
    if (job) {
        process_.record_answer();
    } else {
        end_unreliable_process();
    }
    return job;
}

// The process has the key now, or has said so.
void ModuleClient::finish_open(Job job, const Result<JobResult>& result) {
    const bool is_wanted = queue_.settle_open(job, result.has_value(), time_.now());
    if (!is_wanted || !result) {
        add_closing(*job.key);
        ask_to_close(*job.key);
    }
    queue_.report_open(std::move(job), is_wanted ? result : std::unexpected(key_locked_error()));
}

// The process says that it has no key, so there is none to close but from before.
void ModuleClient::fail_open(Job job, const Error& why) {
    const bool is_wanted = queue_.settle_open(job, /*is_open=*/false, time_.now());
    closing_.record_failed_open(job.key->id);
    queue_.report_open(std::move(job), std::unexpected(is_wanted ? why : key_locked_error()));
}

void ModuleClient::start_process() {
    if (const auto started = process_.start(time_.now()); !started) {
        refuse_jobs(kStartRetryTime, started.error());
        return;
    }
    changed_();
}

// The closed keys are told last: who waits for them may submit jobs to the next process.
void ModuleClient::refuse_jobs(Clock::duration time, const Error& why) {
    log(Priority::kError, fmt::format(": {}", why.message));
    process_.refuse(time_.now() + time, why);
    tick_soon();  // to let go of the process when it has ended
    auto closed = std::exchange(closing_, {});
    changed_();
    queue_.fail_all(why);
    closed.end_process();
}

void ModuleClient::connection_lost(const Error& why) {
    if (!process_.is_greeted() && !why.advice.empty()) {
        refuse_jobs(kRefusalTime, why);
        return;
    }
    log(Priority::kWarning, fmt::format(": {}; another will take its place", why.message));
    process_.lose(time_.now());
    tick_soon();  // to let go of the process when it has ended
    auto closed = std::exchange(closing_, {});
    changed_();
    queue_.lose_process(why);
    closed.end_process();
    pump();
}

// Once set, the timer is left alone: to set it for each job would cost a system call each.
void ModuleClient::tick_soon() {
    if (!std::exchange(is_ticking_, true)) {
        ticks_->run_after(kTick);
    }
}

void ModuleClient::tick() {
    is_ticking_ = false;
    const auto now = time_.now();
    if (process_.is_late_to_greet(now)) {
        connection_lost({ErrorCode::kModuleFailed, "the PKI host did not start in time"});
    } else if (queue_.has_hung(now)) {
        queue_.extend_limit();
        connection_lost({ErrorCode::kModuleFailed, "the PKI host gave no answer in time"});
    }
    // What is asked of the process has limits of its own, and some libraries close no key
    // meanwhile: a key that expires must not cost the PIN that somebody types for another.
    if (closing_.is_late(now, queue_.has_sent() ? kTypingLimit : kCloseLimit)) {
        connection_lost({ErrorCode::kModuleFailed, "the PKI host did not close a key in time"});
    }
    queue_.expire(now);
    pump();
    if (!queue_.empty() || !closing_.empty()) {
        tick_soon();
    } else {
        rest();
    }
}

// Nothing is asked for.
void ModuleClient::rest() {
    is_ticking_ = false;  // a tick that was asked for meanwhile finds no more than this one
    const bool was_running = process_.is_running();
    const bool is_replaceable = queue_.keys().can_be_opened_again(process_.start_time());
    if (const auto delay = process_.rest(time_.now(), is_replaceable)) {
        ticks_->run_after(*delay);
    }
    if (was_running && !process_.is_running()) {
        queue_.end_process();
        changed_();
    }
}

void ModuleClient::log(Priority priority, std::string_view what) const {
    const auto& module = process_.module().text();
    log_line(priority, fmt::format("module {}{}", module, what), {{"ECRYPTFS_MODULE", module}});
}

}  // namespace ecryptfs::agent
