// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/host_pool.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

// Of hosts whose program is not there, so that all that is asked of them fails.
class HostPools : public ::testing::Test {
  protected:
    void submit(const std::string& module,
                std::move_only_function<void(const base::Error&)> failed) {
        auto key = std::make_shared<Key>(Key{++last_id_,
                                             wire::PkiType::from_text(module).value(),
                                             {},
                                             {},
                                             pki::KeyUse::kPrivate,
                                             {}});
        pool_.submit({std::move(key),
                      {},
                      {},
                      Clock::now() + 1min,
                      [failed = std::move(failed)](const base::Result<JobResult>& result) mutable {
                          failed(result.error());
                      }});
    }
    void note(const base::Error& error) { errors_.push_back(error.message); }

    EventLoop loop_;
    HostPool pool_{loop_, {{"/no-such-folder/ecryptfs-pki-host", "/no-such-folder"}, 1min}};
    std::uint64_t last_id_ = 0;
    std::vector<std::string> errors_;
};

TEST_F(HostPools, DropNoHostThatIsStillTellingOfFailures) {
    auto limit = loop_.timer(1ms, [&] { loop_.exit(1); });
    limit.run_after(30s);
    // The first failure has a job submitted that finds all places taken: all hosts are dropped, the
    // one that tells of it among them.
    auto fail_nested = loop_.timer(1ms, [&] {
        submit("last", [&](const base::Error& error) {
            note(error);
            submit("other", [&](const base::Error& other) {
                note(other);
                loop_.exit(0);
            });
        });
        submit("last", [&](const base::Error& error) { note(error); });
    });
    std::size_t failed = 0;
    for (std::size_t i = 0; i + 1 < HostPool::kMaxHosts; ++i) {
        submit(fmt::format("m{}", i), [&](const base::Error& /*error*/) {
            if (++failed == HostPool::kMaxHosts - 1) {
                fail_nested.run_after(0ms);
            }
        });
    }
    EXPECT_EQ(loop_.run(), 0);
    EXPECT_EQ(errors_,
              std::vector<std::string>(3, "/no-such-folder/ecryptfs-pki-host cannot be run"));
    EXPECT_EQ(pool_.modules().size(), 1U);
}

}  // namespace
}  // namespace ecryptfs::agent
