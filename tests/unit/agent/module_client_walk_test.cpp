// SPDX-License-Identifier: Apache-2.0
//
// Random sequences of what can happen to a module's client, its process and its keys, against a
// simple model: each job is answered once and in time, nothing is sent past its deadline or beyond
// the window, no key comes back that was closed, and nothing is kept after its end.

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "agent/modules/module_client.h"
#include "agent/runtime/time_limits.h"
#include "tests/support/public_keys.h"
#include "tests/unit/agent/fake_hosts.h"
#include "tests/unit/agent/fake_time.h"
#include "tests/unit/agent/new_key.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;
using test::FakeHost;
using test::Told;

class ClientWalk {
  public:
    static constexpr unsigned kSequences = 1000;

    explicit ClientWalk(unsigned seed) : random_(seed) {  // NOLINT(*-msc51-cpp): the same each time
        launcher_.started = [this](FakeHost& host) {
            begin_process();
            host.check = [this](const Told& told) { check_told(told); };
        };
        for (int i = 0; i < 3; ++i) {
            keys_.push_back(new_key());
        }
    }

    void run() {
        for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) {
            step();
        }
        finish();
    }

    std::size_t jobs() const { return jobs_.size(); }
    std::size_t successes() const { return successes_; }
    std::size_t sent() const { return sent_; }

  private:
    static constexpr int kSteps = 150;
    static constexpr std::uint32_t kThreads = 2;
    static constexpr std::size_t kLargestWindow = kThreads * 8;
    static constexpr std::uint32_t kMaxAttempts = 2;
    // Jobs are looked at as often.
    static constexpr Clock::duration kTick = 100ms;

    struct ModelJob {
        std::uint64_t key = 0;
        bool is_open = false;
        Clock::time_point deadline;
        test::Bytes input = {};
        int answers = 0;
        std::uint32_t deaths = 0;  // of processes that had begun it
        std::weak_ptr<int> kept = {};
    };

    template <typename Number>
    Number any(Number least, Number most) {
        return std::uniform_int_distribution<Number>(least, most)(random_);
    }
    Clock::duration any_time(Clock::duration most) {
        return std::chrono::milliseconds(any<std::int64_t>(
            0, std::chrono::duration_cast<std::chrono::milliseconds>(most).count()));
    }

    FakeHost* host() {
        return launcher_.hosts.empty() || !launcher_.last().is_heard() ? nullptr
                                                                       : &launcher_.last();
    }

    // What happens.

    void step() {
        switch (any(0, 19)) {
            case 0:
            case 1:
            case 2:
            case 3:
                submit(/*is_open=*/false);
                break;
            case 4:
                submit(/*is_open=*/true);
                break;
            case 5:
                for (int i = 0; i < 30; ++i) {
                    submit(/*is_open=*/false);
                }
                break;
            case 6:
                pass_time(any_time(5s));
                break;
            case 7:
                pass_time(any_time(500ms));
                break;
            case 8:
                close_key();
                break;
            case 9:
                die();
                break;
            case 10:
                talk_nonsense();
                break;
            case 11:
                refuse_messages();
                break;
            case 12:
                refuse_start();
                break;
            default:
                for (int i = any(1, 6); i > 0; --i) {
                    answer_something();
                }
        }
    }

    std::shared_ptr<Key> new_key() { return test::new_key(++last_key_); }

    void submit(bool is_open) {
        if (is_open) {
            open_key();
        } else {
            const auto key = keys_.at(any<std::size_t>(0, keys_.size() - 1));
            submit(key, base::FileKeyOperation::kDecrypt, any_time(3s));
        }
    }
    // As Keys::unlock(): with a key of its own, which then takes the place of an older one.
    void open_key() {
        const auto key = new_key();
        opening_.insert(key);
        submit(key, std::nullopt, any_time(5s));
    }
    void opened(const std::shared_ptr<Key>& key, bool is_success) {
        opening_.erase(key);
        if (!is_success) {
            closed_.insert(key->id);  // nobody will ever use it
        } else {
            replace_key(key);
        }
    }

    void submit(const std::shared_ptr<Key>& key, std::optional<base::FileKeyOperation> action,
                Clock::duration time_left) {
        const auto number = jobs_.size();
        auto& job = jobs_.emplace_back();
        unanswered_.insert(number);
        job.key = key->id;
        job.is_open = !action;
        job.deadline = time_.now() + time_left;
        job.input.resize(sizeof number);
        std::memcpy(job.input.data(), &number, sizeof number);
        auto kept = std::make_shared<int>();
        job.kept = kept;
        auto done = [this, number, key, kept](const Result<JobResult>& result) {
            unanswered_.erase(number);
            check_answer(jobs_.at(number), result);
            if (jobs_.at(number).is_open) {
                opened(key, result.has_value());
            } else if (any(0, 9) == 0 && !is_ending_) {
                submit(any(0, 3) == 0);  // as a follower is
            }
        };
        client_.submit({key, action, job.input, job.deadline, std::move(done)});
    }

    void pass_time(Clock::duration time) {
        time_.advance(time);
        for (const auto number : unanswered_) {
            EXPECT_LE(time_.now(), jobs_.at(number).deadline + 2 * kTick) << "a job waits too long";
        }
    }

    // Another key takes its place: no number is used twice.
    void replace_key(const std::shared_ptr<Key>& by) {
        auto& place = keys_.at(any<std::size_t>(0, keys_.size() - 1));
        const auto key = std::exchange(place, by);
        closed_.insert(key->id);
        client_.close_key(*key);
    }
    void close_key() {
        if (!opening_.empty() && any(0, 3) == 0) {
            const auto key = *opening_.begin();
            closed_.insert(key->id);
            client_.close_key(*key);
        } else {
            replace_key(new_key());
        }
        if (any(0, 1) == 0) {
            ++waits_;
            const auto wait = std::make_shared<CloseWait>([this] { --waits_; });
            client_.add_wait(wait);
            wait->begin();
        }
    }

    void die() {
        if (auto* process = host()) {
            process->die();
        }
    }

    void talk_nonsense() {
        auto* process = host();
        if (!process || !is_greeted_) {
            return;
        }
        const std::uint64_t unknown = 1'000'000'000;
        switch (any(0, 3)) {
            case 0:
                process->say(pki::Done{unknown, {}});
                break;
            case 1:
                process->say(
                    pki::Opened{unknown, test::kFakeSignature, "", "", test::some_rsa_key()});
                break;
            case 2:
                process->say(pki::Closed{unknown});
                break;
            default:
                process->say(pki::Hello{pki::kHostProtocolVersion, 1, "", "", ""});
        }
        EXPECT_FALSE(process->is_heard());
    }

    // The socket is full. The process has something to do then, and answers.
    void refuse_messages() {
        auto* process = host();
        if (process && !process->told.empty()) {
            process->takes_messages = false;
        }
    }

    void refuse_start() {
        if (launcher_.failure) {
            launcher_.failure.reset();
        } else if (any(0, 2) == 0) {
            launcher_.failure = base::Error{ErrorCode::kModuleFailed, "cannot be started"};
        }
    }

    void answer_something() {
        auto* process = host();
        if (!process) {
            return;
        }
        if (!is_greeted_) {
            is_greeted_ = true;
            process->greet(kThreads);
            return;
        }
        if (process->told.empty()) {
            return;
        }
        // Threads are done in any order, but take messages in that of the socket.
        const auto at =
            any<std::size_t>(0, std::min<std::size_t>(kThreads, process->told.size()) - 1);
        const auto told = process->told.at(at);
        process->told.erase(process->told.begin() + static_cast<std::ptrdiff_t>(at));
        process->takes_messages = true;
        answer(*process, told);
    }

    void answer(FakeHost& process, const Told& told) {
        if (told.kind == Told::Kind::kClose) {
            open_in_process_.erase(told.key);
            process.say(pki::Closed{told.key});
            return;
        }
        switch (any(0, 9)) {
            case 0:
                process.say(
                    pki::Failed{told.id, {ErrorCode::kSecretAtDevice, "at the device", ""}});
                break;
            case 1:
                process.say(pki::Failed{told.id, {ErrorCode::kWrongSecret, "wrong", ""}});
                break;
            default:
                if (told.kind == Told::Kind::kOpen) {
                    open_in_process_.insert(told.key);
                    process.say(
                        pki::Opened{told.id, test::kFakeSignature, "", "", test::some_rsa_key()});
                } else {
                    process.say(pki::Done{told.id, told.input});
                }
        }
    }

    // What must be so.

    void begin_process() {
        if (launcher_.hosts.size() > 1) {
            count_deaths((*(launcher_.hosts.end() - 2))->told);
        }
        is_greeted_ = false;
        open_in_process_.clear();
    }

    // Of the jobs that a process had begun, a job a thread.
    void count_deaths(const std::deque<Told>& told) {
        std::uint32_t begun = 0;
        for (const auto& one : told) {
            if (one.kind != Told::Kind::kClose && begun++ < kThreads) {
                if (one.kind == Told::Kind::kOperation) {
                    ++jobs_.at(number_of(one)).deaths;
                }
            }
        }
    }
    static std::size_t number_of(const Told& told) {
        std::size_t number = 0;
        std::ranges::copy(told.input, reinterpret_cast<std::uint8_t*>(&number));
        return number;
    }

    void check_told(const Told& told) {
        EXPECT_TRUE(is_greeted_) << "told before its greeting";
        if (told.kind == Told::Kind::kClose) {
            EXPECT_TRUE(open_in_process_.contains(told.key)) << "a close of what is not open";
            return;
        }
        ++sent_;
        const auto& all = launcher_.last().told;
        const auto jobs = static_cast<std::size_t>(std::ranges::count_if(
            all, [](const Told& one) { return one.kind != Told::Kind::kClose; }));
        EXPECT_LE(jobs, kLargestWindow);
        EXPECT_FALSE(closed_.contains(told.key)) << "a closed key comes back";
        if (told.kind == Told::Kind::kOpen) {
            return;
        }
        const auto& job = jobs_.at(number_of(told));
        EXPECT_EQ(job.key, told.key);
        EXPECT_EQ(job.answers, 0) << "sent though it was answered";
        EXPECT_LE(time_.now(), job.deadline) << "sent past its deadline";
        EXPECT_TRUE(open_in_process_.contains(told.key)) << "its key is not open";
        EXPECT_LT(job.deaths, kMaxAttempts) << "it kills hosts";
        EXPECT_TRUE(job.deaths == 0 || jobs == 1) << "others may die with it";
    }

    void check_answer(ModelJob& job, const Result<JobResult>& result) {
        EXPECT_EQ(++job.answers, 1) << "answered twice";
        if (!result) {
            return;
        }
        ++successes_;
        if (job.is_open) {
            EXPECT_EQ(result->signature->text(), test::kFakeSignature);
        } else {
            EXPECT_TRUE(std::ranges::equal(result->output, job.input)) << "another job's answer";
        }
    }

    // The process answers all that it is asked, and the keys are closed.
    void finish() {
        is_ending_ = true;
        launcher_.failure.reset();
        for (int i = 0; i < 2'000 && !unanswered_.empty(); ++i) {
            answer_something();
            pass_time(20ms);
        }
        EXPECT_TRUE(unanswered_.empty());
        for (const auto& key : keys_) {
            closed_.insert(key->id);
            client_.close_key(*key);
        }
        for (int i = 0; i < 2'000 && !client_.is_out_of_use(); ++i) {
            answer_something();
            pass_time(20ms);
        }
        EXPECT_TRUE(client_.is_out_of_use());
        EXPECT_EQ(waits_, 0);
        for (const auto& job : jobs_) {
            EXPECT_EQ(job.answers, 1);
            EXPECT_TRUE(job.kept.expired()) << "kept after its end";
        }
        EXPECT_TRUE(open_in_process_.empty() || !host()) << "a key that nobody wants is open";
        for (const auto& key : keys_) {
            EXPECT_EQ(key.use_count(), 1) << "a closed key is kept";
        }
        time_.advance(1h);
        EXPECT_EQ(time_.running_timers(), 0U) << "something wakes up while nothing is asked";
    }

    std::mt19937 random_;
    test::FakeTime time_;
    test::FakeLauncher launcher_;
    std::vector<std::shared_ptr<Key>> keys_;
    std::set<std::shared_ptr<Key>> opening_;  // for a person
    std::uint64_t last_key_ = 0;
    std::deque<ModelJob> jobs_;
    std::set<std::size_t> unanswered_;
    std::set<std::uint64_t> closed_;
    std::set<std::uint64_t> open_in_process_;
    bool is_greeted_ = false;
    bool is_ending_ = false;
    int waits_ = 0;
    std::size_t successes_ = 0;
    std::size_t sent_ = 0;
    ModuleClient client_{time_, launcher_, 1min, wire::PkiType::from_text("fake").value(), [] {}};
};

TEST(ModuleClientWalk, EachJobIsAnsweredOnce) {
    std::size_t jobs = 0;
    std::size_t successes = 0;
    std::size_t sent = 0;
    for (unsigned seed = 1; seed <= ClientWalk::kSequences && !::testing::Test::HasFailure();
         ++seed) {
        SCOPED_TRACE(seed);
        ::testing::internal::CaptureStderr();
        ClientWalk walk(seed);
        walk.run();
        ::testing::internal::GetCapturedStderr();
        jobs += walk.jobs();
        successes += walk.successes();
        sent += walk.sent();
    }
    // It went into all corners: not all failed, nor succeeded.
    EXPECT_GT(jobs, 100U * ClientWalk::kSequences);
    EXPECT_GT(successes, jobs / 20);
    EXPECT_LT(successes, jobs);
    EXPECT_GT(sent, successes);
    RecordProperty("jobs", static_cast<int>(jobs));
    RecordProperty("successes", static_cast<int>(successes));
}

}  // namespace
}  // namespace ecryptfs::agent
