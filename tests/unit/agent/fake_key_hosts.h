// SPDX-License-Identifier: Apache-2.0
//
// Hosts that do a job when the test says so.

#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "agent/modules/key_hosts.h"

namespace ecryptfs::test {

class FakeKeyHosts : public agent::KeyHosts {
  public:
    void submit(agent::Job job) override {
        if (refusal_) {
            job.done(std::unexpected(*refusal_));
        } else {
            jobs_.push_back(std::move(job));
        }
    }

    // The jobs of the key fail at once, unless the hosts let go late.
    void close_key(const agent::Key& key) override {
        closed_.push_back(key.id);
        if (lets_go_late_) {
            return;
        }
        std::vector<agent::Job> failed;
        for (auto job = jobs_.begin(); job != jobs_.end();) {
            if (job->key->id == key.id) {
                failed.push_back(std::move(*job));
                job = jobs_.erase(job);
            } else {
                ++job;
            }
        }
        for (auto& job : failed) {
            job.done(
                std::unexpected(base::Error{base::ErrorCode::kKeyLocked, "the key was locked"}));
        }
    }

    // Nobody hears of them any more.
    void forget_jobs() { jobs_.clear(); }

    void refuse(base::Error why) { refusal_ = std::move(why); }
    void let_go_late(bool late) { lets_go_late_ = late; }

    void finish(std::size_t index, const base::Result<agent::JobResult>& result) {
        const auto job = jobs_.begin() + static_cast<std::ptrdiff_t>(index);
        auto done = std::move(job->done);
        jobs_.erase(job);
        done(result);
    }

    const std::vector<agent::Job>& jobs() const { return jobs_; }
    const std::vector<std::uint64_t>& closed() const { return closed_; }

  private:
    std::vector<agent::Job> jobs_;
    std::vector<std::uint64_t> closed_;
    std::optional<base::Error> refusal_;
    bool lets_go_late_ = false;
};

}  // namespace ecryptfs::test
