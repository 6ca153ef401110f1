// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/host_pool.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "tests/unit/agent/fake_hosts.h"
#include "tests/unit/agent/fake_time.h"
#include "tests/unit/agent/new_key.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

class HostPoolTest : public ::testing::Test {
  protected:
    void SetUp() override { ::testing::internal::CaptureStderr(); }
    void TearDown() override { ::testing::internal::GetCapturedStderr(); }

    void submit(const std::string& module, std::move_only_function<void()> done) {
        pool_.submit(
            {test::new_key(++last_id_, module),
             {},
             {},
             time_.now() + 1min,
             [this, done = std::move(done)](const base::Result<JobResult>& result) mutable {
                 errors_.push_back(result ? "" : result.error().message);
                 done();
             }});
    }

    test::FakeTime time_;
    test::FakeLauncher launcher_;
    HostPool pool_{time_, launcher_, 1min};
    std::uint64_t last_id_ = 0;
    std::vector<std::string> errors_;
};

TEST_F(HostPoolTest, KeepsHostThatStillReportsFailures) {
    launcher_.failure = base::Error{base::ErrorCode::kModuleFailed, "cannot be run"};
    for (std::size_t i = 0; i + 1 < HostPool::kMaxHosts; ++i) {
        submit(fmt::format("m{}", i), [] {});
    }
    EXPECT_EQ(pool_.modules().size(), HostPool::kMaxHosts - 1);
    errors_.clear();
    // The first failure has a job submitted that finds all places taken: all hosts are dropped, the
    // one that tells of it among them.
    launcher_.failure.reset();
    submit("last", [&] { submit("other", [] {}); });
    submit("last", [] {});
    launcher_.failure = base::Error{base::ErrorCode::kModuleFailed, "cannot be run"};
    launcher_.last().say(pki::Refusal{base::ErrorCode::kModuleFailed, "cannot be run", ""});
    time_.advance(1s);
    EXPECT_EQ(errors_, std::vector<std::string>(3, "cannot be run"));
    EXPECT_EQ(pool_.modules().size(), 1U);
}

TEST_F(HostPoolTest, RefusesHostsAboveTheLimit) {
    for (std::size_t i = 0; i < HostPool::kMaxHosts; ++i) {
        submit(fmt::format("m{}", i), [] {});
    }
    EXPECT_TRUE(errors_.empty());
    submit("one-more", [] {});
    ASSERT_EQ(errors_.size(), 1U);
    EXPECT_EQ(launcher_.hosts.size(), HostPool::kMaxHosts);
    submit("m3", [] {});  // which has its place
    EXPECT_EQ(errors_.size(), 1U);
}

}  // namespace
}  // namespace ecryptfs::agent
